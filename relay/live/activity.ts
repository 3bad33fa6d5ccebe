import type { AdminStats } from '../../shared/api/stats.ts';
import type { JobRecord } from '../store/store.ts';

/** What happened lately, counted as it happens. */
export type Activity = {
  jobEnded(job: Pick<JobRecord, 'finishedAt' | 'state' | 'problem' | 'usage'>): void;
  requestRefused(code: string): void;
  /** Of the 60 s before `now`, in milliseconds since 1970. */
  lastMinute(now: number): AdminStats['last_minute'];
  problems(): AdminStats['problems'];
};

const SECONDS = 60;

/**
 * A bucket for each second of the last minute, in tables of numbers: noting a job makes no object. A bucket whose
 * second is over is emptied by the first job of the next one that falls into it.
 */
export function createActivity(): Activity {
  const second = new Float64Array(SECONDS).fill(Number.NEGATIVE_INFINITY);
  const jobs = new Float64Array(SECONDS);
  const failed = new Float64Array(SECONDS);
  const inputTokens = new Float64Array(SECONDS);
  const outputTokens = new Float64Array(SECONDS);
  const all = [jobs, failed, inputTokens, outputTokens];
  const jobProblems = new Map<string, number>();
  const refusals = new Map<string, number>();

  const bucketOf = (at: number): number => {
    const now = Math.floor(at / 1_000);
    const bucket = now % SECONDS;
    if (second[bucket] !== now) {
      second[bucket] = now;
      for (const table of all) table[bucket] = 0;
    }
    return bucket;
  };
  const add = (table: Float64Array, bucket: number, count: number): void => {
    table[bucket] = (table[bucket] ?? 0) + count;
  };
  const sum = (table: Float64Array, now: number): number => {
    const oldest = Math.floor(now / 1_000) - SECONDS;
    return table.reduce((total, count, bucket) => ((second[bucket] ?? 0) > oldest ? total + count : total), 0);
  };
  return {
    jobEnded: ({ finishedAt, state, problem, usage }) => {
      const bucket = bucketOf(finishedAt);
      add(jobs, bucket, 1);
      if (state !== 'succeeded') add(failed, bucket, 1);
      if (usage !== null) {
        add(inputTokens, bucket, usage.inputTokens);
        add(outputTokens, bucket, usage.outputTokens);
      }
      if (problem !== null) count(jobProblems, problem.code);
    },
    requestRefused: (code) => count(refusals, code),
    lastMinute: (now) => ({
      jobs: sum(jobs, now),
      failed: sum(failed, now),
      input_tokens: sum(inputTokens, now),
      output_tokens: sum(outputTokens, now),
    }),
    problems: () => ({ jobs: Object.fromEntries(jobProblems), requests: Object.fromEntries(refusals) }),
  };
}

/** Codes are those of the problem table, so that there are never many. */
function count(counts: Map<string, number>, code: string): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}
