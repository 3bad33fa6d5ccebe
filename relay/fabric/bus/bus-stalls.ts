/** Notices when the bus stands still while its connection is up: a server that is frozen, swapped out or cut off. */
export type BusStalls = {
  /** Whether the bus did not answer at some moment of the last so many milliseconds. */
  stalledWithin(ms: number): boolean;
  stop(): void;
};

const ASK_EVERY_MS = 250;
/** A second: a server answers within a millisecond, one that is starved by its machine is late by some hundred. */
const STALL_TICKS = 4;

/**
 * Asks the server again and again. `ask` resolves with its answer.
 *
 * Invariants: (1) at most one question is under way; (2) the bus stands still when a question has outlasted `STALL_TICKS`
 * turns of the timer: between two of them the relay has read what was there, so that its own absences do not count.
 */
export function watchForStalls(ask: () => Promise<void>, clock: () => number = () => performance.now()): BusStalls {
  let isAsked = false;
  let ticks = 0;
  let stalledAt = Number.NEGATIVE_INFINITY;

  const answered = (): void => {
    isAsked = false;
  };
  const timer = setInterval(() => {
    if (isAsked) {
      ticks += 1;
      if (ticks >= STALL_TICKS) stalledAt = clock();
      return;
    }
    isAsked = true;
    ticks = 0;
    // A connection that is lost tells of it elsewhere.
    ask().then(answered, answered);
  }, ASK_EVERY_MS);
  timer.unref();
  return {
    // What is under way at the end of a stall is told by the turn before.
    stalledWithin: (ms) => clock() - stalledAt <= ms + ASK_EVERY_MS,
    stop: () => clearInterval(timer),
  };
}
