/**
 * The part of the time that a worker computes, as its owner wants it.
 *
 * 1. Over any while that is long beside a pass, passes take at most the given part of it; each is followed by its own share of
 *    rest, before the next begins, so that what is asked is spread as finely as the model's own steps.
 * 2. One pass runs at a time while there is a limit; without one nothing is held up, and nothing measured.
 * 3. A rest is cut short when somebody waits for the end of a job; what is left of it comes before the next pass but one.
 * 4. Time in which nothing is asked is rest, too.
 */

/** What runs the passes of a model, each when its time has come. */
export type Pace = {
  pass<Value>(run: () => Promise<Value>): Promise<Value>;
  /** For work that is no pass: resolves when it may go on, having computed since `began`; undefined when it may at once. */
  restAfter(began: number): Promise<void> | undefined;
  /** A clock in milliseconds that stands still while the worker rests, for whoever measures passes. */
  now(): number;
};

export type Duty = Pace & {
  /** From now on at most so many per cent of the time. */
  limit(percent: number): void;
  /** Ends the rest that is under way. */
  hurry(): void;
};

export type DutyOptions = {
  /** In milliseconds. */
  clock?: () => number;
  /** Resolves after so long, or when `signal` is aborted. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
};

/** All of the time. */
export const FULL_DUTY_PERCENT = 100;
/** Timers of browsers are no finer than four milliseconds: what is less is rested together with what follows. */
const LEAST_REST_MS = 8;

export function createDuty({ clock = () => performance.now(), sleep = sleepFor }: DutyOptions = {}): Duty {
  let percent = FULL_DUTY_PERCENT;
  /** When the rest that is owed for what was computed is over. */
  let freeAt = 0;
  let restedMs = 0;
  let resting: AbortController | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const isLimited = (): boolean => percent < FULL_DUTY_PERCENT;
  const note = (began: number): void => {
    // A rest that took a little longer than it should is counted, too.
    const from = Math.max(freeAt, began - LEAST_REST_MS);
    freeAt = from + ((clock() - began) * FULL_DUTY_PERCENT) / percent;
  };
  const rest = async (): Promise<void> => {
    const began = clock();
    if (!isLimited() || freeAt - began < LEAST_REST_MS) return;
    resting = new AbortController();
    await sleep(freeAt - began, resting.signal);
    resting = undefined;
    restedMs += clock() - began;
  };
  const hurry = (): void => resting?.abort();
  const timed = async <Value>(run: () => Promise<Value>): Promise<Value> => {
    await rest();
    const began = clock();
    try {
      return await run();
    } finally {
      note(began);
    }
  };

  return {
    pass: (run) => {
      if (!isLimited()) return run();
      const mine = last.then(() => timed(run));
      last = mine.catch(() => undefined);
      return mine;
    },
    restAfter: (began) => {
      if (!isLimited()) return undefined;
      note(began);
      return rest();
    },
    now: () => clock() - restedMs,
    limit: (next) => {
      percent = next;
      if (isLimited()) return;
      freeAt = 0;
      hurry();
    },
    hurry,
  };
}

function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
