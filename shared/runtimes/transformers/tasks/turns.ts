/** Who waits for its turn, and how it is told that it has come, or that the job was cancelled before. */
type Waiting = { readonly interrupted: () => boolean; readonly go: (isCancelled: boolean) => void };

export type Turns = {
  /** Resolves with how to give the turn back, or with null once `interrupted` answers yes while it waits. */
  take(interrupted: () => boolean): Promise<(() => void) | null>;
  /** Lets go of those that were cancelled while they wait; asked at the steps of whoever runs. */
  dropCancelled(): void;
};

/**
 * One model's turns.
 *
 * 1. At most one holder; `waiting` holds the others in the order in which they came.
 * 2. Who is cancelled while it waits is let go at the next step of the one that runs, not behind it: a cancel that is not
 *    confirmed soon costs the whole thread.
 */
export function createTurns(): Turns {
  const waiting: Waiting[] = [];
  let isTaken = false;
  const giveBack = (): void => {
    const next = waiting.shift();
    isTaken = next !== undefined;
    next?.go(false);
  };
  return {
    async take(interrupted) {
      if (!isTaken) {
        isTaken = true;
        return giveBack;
      }
      const { promise, resolve } = Promise.withResolvers<boolean>();
      waiting.push({ interrupted, go: resolve });
      return (await promise) ? null : giveBack;
    },
    dropCancelled() {
      for (const one of waiting.filter(({ interrupted }) => interrupted())) {
        waiting.splice(waiting.indexOf(one), 1);
        one.go(true);
      }
    },
  };
}
