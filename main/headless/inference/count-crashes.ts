import { createSteadyClock } from '../../../shared/clock/steady-clock.ts';

/** How what computes ended: because it was told to, by itself, or by itself again soon after it had begun. */
export type End = 'ended' | 'crashed' | 'keeps-crashing';

export type CrashCount = {
  /** Of what began at `openedAt`, in milliseconds since 1970. */
  add(openedAt: number): Exclude<End, 'ended'>;
  /** Whether it should not be begun again yet. */
  isTooSoon(): boolean;
};

/** What dies at once again would take the machine's time; after these it is tried when somebody asks. */
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MOST_MS = 60_000;
/** What has lived this long has not died of its own beginning. */
const STABLE_MS = 60_000;

/** Tells a crash from one that comes again and again, which is tried less and less often; the first is tried again at once. */
export function countCrashes(now: () => number): CrashCount {
  const steady = createSteadyClock(now);
  let crashes = 0;
  let notBefore = Number.NEGATIVE_INFINITY;
  return {
    add: (openedAt) => {
      crashes = now() - openedAt >= STABLE_MS ? 1 : crashes + 1;
      if (crashes === 1) return 'crashed';
      notBefore = steady() + Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** crashes);
      return 'keeps-crashing';
    },
    isTooSoon: () => steady() < notBefore,
  };
}
