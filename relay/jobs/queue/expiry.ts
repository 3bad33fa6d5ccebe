import { Problem } from '../../../shared/problems/problem.ts';
import { expiryOf, type LiveJob } from './live-job.ts';

/** Longer timers fire at once. */
const TIMER_MOST_MS = 2 ** 31 - 1;

/** Calls back when a job expires as things stand then; ends with `clearTimeout(entry.expiryTimer)`. */
export function watchExpiry(entry: LiveJob, now: () => number, expire: (problem: Problem) => void): void {
  const leftMs = Math.max(0, expiryOf(entry).at - now());
  const look = (): void => {
    const { at, why } = expiryOf(entry);
    if (at > now()) watchExpiry(entry, now, expire);
    else expire(new Problem('job_expired', why));
  };
  entry.expiryTimer = setTimeout(look, Math.min(leftMs, TIMER_MOST_MS)).unref();
}
