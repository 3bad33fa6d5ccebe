import type { Pace } from '../duty.ts';
import { nextTurn } from '../next-turn.ts';

/** Thrown within a kernel that was told to stop; never leaves this room. */
export class Stopped extends Error {}

/** How a long computation lets others have a word. */
export type Turns = {
  /** To be awaited every few milliseconds: lets messages in now and then. Throws `Stopped` when the job is over. */
  next(): Promise<void> | undefined;
};

/** A cancel is heard within this, since it comes as a message where no memory is shared. */
const TURN_MS = 20;

export function createTurns(interrupted: () => boolean, now: () => number, pace?: Pace): Turns {
  let since = now();
  const check = (): void => {
    if (interrupted()) throw new Stopped();
  };
  return {
    next: () => {
      check();
      if (now() - since < TURN_MS) return undefined;
      return nextTurn().then(async () => {
        await pace?.restAfter(since);
        since = now();
        check();
      });
    },
  };
}
