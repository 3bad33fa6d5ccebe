import { createTurns } from '../files/turns.ts';
import type { BatchRecord } from '../store/batch-store.ts';

/** A batch that has not ended, as the relay holds it: without its lines, but for those in the queue. */
export type LiveBatch = {
  record: BatchRecord;
  /** Whether its cancelling is on the disk, so that a relay that starts knows of it. */
  isCancelWritten: boolean;
  /** Lines on their way to the queue or in it, by number; without an id while the queue has not taken them. */
  readonly inFlight: Map<number, string | undefined>;
  /** Aborted when no more lines are to be fed: it was cancelled, or its time is over. */
  readonly stop: AbortController;
  /** Its end is being written: nothing changes it any more. */
  isEnding: boolean;
  /** For what is done one after another. */
  readonly inTurn: ReturnType<typeof createTurns>;
  /** Called when the last line in flight has ended. */
  idle: (() => void)[];
};

export function newLiveBatch(record: BatchRecord): LiveBatch {
  const isCancelWritten = record.cancellingAt !== null;
  const [inFlight, stop, inTurn] = [new Map(), new AbortController(), createTurns()];
  return { record, isCancelWritten, inFlight, stop, isEnding: false, inTurn, idle: [] };
}

/** Resolves when no line is in flight, or the signal is aborted. */
export function whenIdle(batch: LiveBatch, signal: AbortSignal): Promise<void> {
  if (batch.inFlight.size === 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    batch.idle.push(done);
    signal.addEventListener('abort', done);
  });
}
