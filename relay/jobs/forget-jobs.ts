import { repeatHourly } from '../hourly.ts';
import type { RelayLog } from '../log.ts';
import type { JobStore } from '../store/store.ts';

/** So many at a time, so that nothing waits long behind them. */
const AT_ONCE = 500;

export type ForgetJobsPorts = {
  store: Pick<JobStore, 'forgetJobs'>;
  /** How long the record of a job without a receipt is kept. */
  keepMs: number;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
};

/**
 * Forgets the records of jobs that ended long ago and left no receipt, at the start and every hour. What is in the
 * receipt log, in the ledger and in the counts of usage stays. Returns how to stop.
 */
export function forgetJobs({ store, keepMs, now, log }: ForgetJobsPorts): () => Promise<void> {
  let reached = 0;
  const forget = async (signal: AbortSignal): Promise<void> => {
    let forgotten = 0;
    while (!signal.aborted) {
      const step = await store.forgetJobs({ finishedBefore: now() - keepMs, after: reached, limit: AT_ONCE });
      forgotten += step.forgotten;
      reached = step.reached;
      if (step.isDone) break;
    }
    if (forgotten > 0) log.info({ jobs: forgotten }, 'old records of jobs without a receipt were forgotten');
  };
  return repeatHourly(forget, (error) => log.error({ err: error }, 'old records of jobs could not be forgotten'));
}
