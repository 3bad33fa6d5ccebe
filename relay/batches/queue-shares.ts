import type { BatchLimits } from './batch-limits.ts';

/** How many lines of batches may be jobs of the queue, so that it is neither filled by one key nor by batches altogether. */
export type QueueShares = {
  /** A key has lines to feed, once for each time that it says so. */
  enter(apiKeyId: string): void;
  leave(apiKeyId: string): void;
  take(apiKeyId: string): void;
  give(apiKeyId: string): void;
  /** Resolves with how many lines a key may feed now, once those are worth a look; with 0 when the signal is aborted. */
  whenRoom(apiKeyId: string, signal: AbortSignal): Promise<number>;
  /** Resolves when a line of any key has ended, or after a time. */
  whenFreed(mostMs: number, signal: AbortSignal): Promise<void>;
};

/** Lines are read in groups: a key whose share is full waits until so much of it is free. */
const WORTH_A_LOOK = 1 / 4;

/**
 * The same share for each key that has lines to feed or in the queue.
 *
 * Invariants: (1) `taken` of a key counts its lines in the queue; (2) a key that has more than its share, since others came,
 * feeds none until it has less; (3) whoever waits looks again whenever a line ends or a key leaves.
 */
export function createQueueShares({
  mostInQueue,
  mostInQueuePerKey,
}: Pick<BatchLimits, 'mostInQueue' | 'mostInQueuePerKey'>): QueueShares {
  const keys = new Map<string, { taken: number; feeding: number }>();
  const waiting = new Set<() => void>();

  const change = (apiKeyId: string, what: 'taken' | 'feeding', by: 1 | -1): void => {
    const key = keys.get(apiKeyId) ?? { taken: 0, feeding: 0 };
    keys.set(apiKeyId, key);
    key[what] += by;
    if (key.taken === 0 && key.feeding === 0) keys.delete(apiKeyId);
    if (by === -1) for (const look of [...waiting]) look();
  };
  const roomOf = (apiKeyId: string): number => {
    const share = Math.max(1, Math.min(mostInQueuePerKey, Math.floor(mostInQueue / Math.max(1, keys.size))));
    const room = share - (keys.get(apiKeyId)?.taken ?? 0);
    return room >= Math.max(1, Math.floor(share * WORTH_A_LOOK)) ? room : 0;
  };
  return {
    enter: (apiKeyId) => change(apiKeyId, 'feeding', 1),
    leave: (apiKeyId) => change(apiKeyId, 'feeding', -1),
    take: (apiKeyId) => change(apiKeyId, 'taken', 1),
    give: (apiKeyId) => change(apiKeyId, 'taken', -1),
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
    whenRoom: (apiKeyId, signal) =>
      new Promise((resolve) => {
        const look = (): void => {
          const room = signal.aborted ? 0 : roomOf(apiKeyId);
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
