import type { RelayLog } from '../../log.ts';
import type { QueuedJobStore } from '../../store/queued-job-store.ts';

const EVERY_MS = 60_000;
/** So many at a time, so that nothing waits long behind them. */
const AT_ONCE = 200;

export type ForgetPorts = { store: QueuedJobStore; keepMs: number; now: () => number; log: RelayLog };

/** Forgets ended jobs and their results once their time is over. Returns how to stop. */
export function forgetResults({ store, keepMs, now, log }: ForgetPorts): () => void {
  let stopped = false;
  const forget = async (): Promise<void> => {
    const before = now() - keepMs;
    while (!stopped && (await store.forgetEndedJobs(before, AT_ONCE)) === AT_ONCE);
  };
  const timer = setInterval(() => {
    forget().catch((error: unknown) => log.error({ err: error }, 'old results could not be forgotten'));
  }, EVERY_MS).unref();
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}
