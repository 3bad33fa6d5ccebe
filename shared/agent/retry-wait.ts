import type { Problem } from '../problems/problem.ts';

export type RetryWait = {
  /** How long to wait after this end of a try; undefined for one that nothing was wrong with. */
  next(problem: Problem | undefined): number;
  /** There is a reason to hope: the next waits are short again. */
  reset(): void;
};

const FIRST_MS = 250;
const MOST_MS = 10_000;
/** Where nobody listens, asking costs a relay nothing, and its owner is about to start it. */
const MOST_WHILE_REFUSED_MS = 2_000;

/**
 * How long a node waits before it asks its relay again (SPEC P18): twice as long each time, and by chance up to half as long,
 * so that ten thousand that were sent away together do not come back together.
 *
 * @param random at least 0 and less than 1
 */
export function createRetryWait(random: () => number): RetryWait {
  let waitMs = FIRST_MS;
  return {
    next: (problem) => {
      const most = isRefused(problem?.cause) ? MOST_WHILE_REFUSED_MS : MOST_MS;
      const now = Math.min(waitMs, most);
      waitMs = Math.min(waitMs * 2, MOST_MS);
      return Math.round(now * (1 - random() / 2));
    },
    reset: () => {
      waitMs = FIRST_MS;
    },
  };
}

/** Whether nobody listens at the address. Browsers tell no more than that they did not get there. */
function isRefused(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && error.code === 'ECONNREFUSED') return true;
  return error.cause === undefined ? error instanceof TypeError : isRefused(error.cause);
}
