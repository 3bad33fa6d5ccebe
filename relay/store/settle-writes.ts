/** What became of a write of a group. */
export type Outcome = { value: unknown } | { error: unknown };
/** Who waits for a write. */
export type Settled = { resolve: (value: unknown) => void; reject: (error: unknown) => void };

/** Tells everybody whose write was in a group what became of it; `outcomes` are in the same order. */
export function settleWrites(batch: readonly Settled[], outcomes: readonly Outcome[]): void {
  for (const [index, write] of batch.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) write.reject(new Error('a write has no outcome'));
    else if ('error' in outcome) write.reject(outcome.error);
    else write.resolve(outcome.value);
  }
}
