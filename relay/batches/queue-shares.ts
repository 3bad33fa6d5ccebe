import type { BatchLimits } from './batch-limits.ts';

/** Whose lines, and for which model: null where they are for several. */
export type Lane = { apiKeyId: string; model: string | null };

/** How many lines of batches may be jobs of the queue, so that it is neither filled by one key nor by batches altogether. */
export type QueueShares = {
  /** A key has lines to feed, once for each time that it says so. */
  enter(lane: Lane): void;
  leave(lane: Lane): void;
  take(lane: Lane): void;
  give(lane: Lane): void;
  /** Resolves with how many lines may be fed now, once those are worth a look; with 0 when the signal is aborted. */
  whenRoom(lane: Lane, signal: AbortSignal): Promise<number>;
  /** Resolves when a line of any key has ended, or after a time. */
  whenFreed(mostMs: number, signal: AbortSignal): Promise<void>;
};

/** Lines are read in groups: who has all that they may have waits until so much of it is free. */
const WORTH_A_LOOK = 1 / 4;
/** What the lines of a key for other models take from those for one. The rest is room that none of them can fill. */
const TAKEN_BY_OTHERS = 3 / 4;

/**
 * The same share for each key that has lines to feed or in the queue. Lines for one model may fill it; those for another, whose
 * nodes are there while the first wait for theirs, find a quarter of it free, the next a quarter of that: all lines of a
 * key are a third more than its share at most, but for one of each model.
 *
 * Invariants: (1) `taken` of a key counts its lines in the queue, by model; (2) who has more than they may have, since others
 * came, feeds none until it is less; (3) whoever waits looks again whenever a line ends or a key leaves.
 */
export function createQueueShares({
  mostInQueue,
  mostInQueuePerKey,
}: Pick<BatchLimits, 'mostInQueue' | 'mostInQueuePerKey'>): QueueShares {
  const keys = new Map<string, { feeding: number; taken: number; takenFor: Map<string | null, number> }>();
  const waiting = new Set<() => void>();

  const keyOf = (apiKeyId: string) => {
    const key = keys.get(apiKeyId) ?? { feeding: 0, taken: 0, takenFor: new Map() };
    keys.set(apiKeyId, key);
    return key;
  };
  const changed = (apiKeyId: string, by: 1 | -1): void => {
    const key = keyOf(apiKeyId);
    if (key.taken === 0 && key.feeding === 0) keys.delete(apiKeyId);
    if (by === -1) for (const look of [...waiting]) look();
  };
  const feed = ({ apiKeyId }: Lane, by: 1 | -1): void => {
    keyOf(apiKeyId).feeding += by;
    changed(apiKeyId, by);
  };
  const hold = ({ apiKeyId, model }: Lane, by: 1 | -1): void => {
    const key = keyOf(apiKeyId);
    key.taken += by;
    const own = (key.takenFor.get(model) ?? 0) + by;
    if (own === 0) key.takenFor.delete(model);
    else key.takenFor.set(model, own);
    changed(apiKeyId, by);
  };
  const roomOf = ({ apiKeyId, model }: Lane): number => {
    const share = Math.max(1, Math.min(mostInQueuePerKey, Math.floor(mostInQueue / Math.max(1, keys.size))));
    const { taken = 0, takenFor } = keys.get(apiKeyId) ?? {};
    const own = takenFor?.get(model) ?? 0;
    const most = Math.max(1, Math.floor(share - (taken - own) * TAKEN_BY_OTHERS));
    const room = most - own;
    return room >= Math.max(1, Math.floor(most * WORTH_A_LOOK)) ? room : 0;
  };
  return {
    enter: (lane) => feed(lane, 1),
    leave: (lane) => feed(lane, -1),
    take: (lane) => hold(lane, 1),
    give: (lane) => hold(lane, -1),
    whenFreed: (mostMs, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          waiting.delete(done);
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, signal.aborted ? 0 : mostMs);
        waiting.add(done);
        signal.addEventListener('abort', done);
      }),
    whenRoom: (lane, signal) =>
      new Promise((resolve) => {
        const look = (): void => {
          const room = signal.aborted ? 0 : roomOf(lane);
          if (room === 0 && !signal.aborted) return;
          waiting.delete(look);
          signal.removeEventListener('abort', look);
          resolve(room);
        };
        waiting.add(look);
        signal.addEventListener('abort', look);
        look();
      }),
  };
}
