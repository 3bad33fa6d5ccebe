export type ModelUses = {
  /** The model is in use until `work` has settled, also while it is still to be loaded for it. */
  during<Value>(model: string, work: () => Promise<Value>): Promise<Value>;
  /** When the last use ended; null while one goes on, and before the first. */
  idleSince(model: string): number | null;
  isAnyInUse(): boolean;
};

/** Who uses which model, and since when nobody does. */
export function createModelUses(now: () => number): ModelUses {
  const users = new Map<string, number>();
  const endedAt = new Map<string, number>();
  return {
    during: async (model, work) => {
      users.set(model, (users.get(model) ?? 0) + 1);
      try {
        return await work();
      } finally {
        const others = (users.get(model) ?? 1) - 1;
        if (others > 0) users.set(model, others);
        else users.delete(model);
        endedAt.set(model, now());
      }
    },
    idleSince: (model) => {
      const ended = endedAt.get(model);
      if (ended === undefined || users.has(model)) return null;
      // A clock that was set back would have it stay.
      if (ended > now()) endedAt.set(model, now());
      return Math.min(ended, now());
    },
    isAnyInUse: () => users.size > 0,
  };
}
