/**
 * The part of the time that a worker computes, as its owner wants it.
 *
 * 1. Over any while that is long beside a pass, passes take at most the given part of it; each is followed by its own share of
 *    rest, before the next begins, so that what is asked is spread as finely as the model's own steps.
 * 2. One pass runs at a time while there is a limit; without one nothing is held up, and nothing measured.
 * 3. While somebody waits for the end of a job nothing is rested, and what is rested then is cut short; it is owed, and comes
 *    after.
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
  /** Nothing is rested from now on, until what is returned is called. */
  hurry(): () => void;
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
  /** By how much the last rest took longer than it should, which the next pass is given. */
  let overMs = 0;
  let restedMs = 0;
  /** Ends all rests there are: jobs that are no passes may rest at the same time. */
  let alarm = new AbortController();
  let hurries = 0;
  let last: Promise<unknown> = Promise.resolve();

  const isLimited = (): boolean => percent < FULL_DUTY_PERCENT;
  const note = (began: number): void => {
    const from = Math.max(freeAt, began - overMs);
    overMs = 0;
    freeAt = from + ((clock() - began) * FULL_DUTY_PERCENT) / percent;
  };
  const rest = async (): Promise<void> => {
    const began = clock();
    if (!isLimited() || hurries > 0 || freeAt - began < LEAST_REST_MS) return;
    await sleep(freeAt - began, alarm.signal);
    restedMs += clock() - began;
    overMs = Math.min(LEAST_REST_MS, Math.max(0, clock() - freeAt));
  };
  const wake = (): void => {
    alarm.abort();
    alarm = new AbortController();
  };
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
      wake();
    },
    hurry: () => {
      hurries += 1;
      wake();
      return () => {
        hurries -= 1;
      };
    },
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
