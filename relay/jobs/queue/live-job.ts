import type { Problem } from '../../../shared/problems/problem.ts';
import type { JobEnding, JobStep, QueuedJob } from '../../store/queued-job-store.ts';
import type { AttemptRecord } from '../../store/store.ts';
import type { JobTrace } from '../../tracing/job-trace.ts';
import type { Lined } from './fair-line.ts';

/** A job of the queue that has not ended, as the relay holds it. */
export type LiveJob = Lined & {
  readonly job: QueuedJob;
  /** JSON; undefined when it has to be read from the store. */
  readonly input: string | undefined;
  /** Where it belongs to in what somebody looks at; unknown of a job that an earlier relay has left. */
  readonly trace: JobTrace | undefined;
  /** Those that are over. */
  attempts: readonly AttemptRecord[];
  /** Those that are not written down yet. */
  steps: JobStep[];
  /** While a run is under way. */
  caller: AbortController | undefined;
  /** Settles when the run, or the writing of the job's end, is over. */
  run: Promise<void> | undefined;
  /** A node has begun it. */
  wasBegun: boolean;
  /** Its end is being written. */
  isEnding: boolean;
  /** Why it is given up; the first reason counts. */
  reason: Problem | undefined;
  /** How often it waited anew since an attempt counted. */
  rests: number;
  restTimer: ReturnType<typeof setTimeout> | undefined;
  expiryTimer: ReturnType<typeof setTimeout> | undefined;
  /** Settles with its end once that is written down; with undefined when another end counted, or the next relay writes it. */
  readonly ended: PromiseWithResolvers<JobEnding | undefined>;
};

let count = 0;

export function newLiveJob(
  job: QueuedJob,
  attempts: readonly AttemptRecord[],
  { input, trace }: Partial<Pick<LiveJob, 'input' | 'trace'>> = {},
): LiveJob {
  const { apiKeyId, model, priority } = job;
  count += 1;
  return {
    job,
    input,
    trace,
    attempts,
    apiKeyId,
    model,
    priority,
    number: count,
    steps: [],
    caller: undefined,
    run: undefined,
    wasBegun: attempts.length > 0,
    isEnding: false,
    reason: undefined,
    rests: 0,
    restTimer: undefined,
    expiryTimer: undefined,
    ended: Promise.withResolvers(),
  };
}

/** When a job expires as things stand, and the sentence that says why. */
export function expiryOf({ job, wasBegun }: LiveJob): { at: number; why: string } {
  const { createdAt, maxWaitMs, deadline } = job;
  const waitUntil = wasBegun || maxWaitMs === null ? Number.POSITIVE_INFINITY : createdAt + maxWaitMs;
  if (waitUntil < deadline) {
    return { at: waitUntil, why: `No node began the job within ${maxWaitMs} ms.` };
  }
  return { at: deadline, why: 'The job was not done before its deadline.' };
}
