import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** From when until when a write waited for the disk, in milliseconds since 1970. */
export type Stall = { fromMs: number; untilMs: number };

export type WitnessData = { file: string; isOver: Int32Array; leastMs: number };

export type DiskWitness = {
  /** Ends it and tells every stall it saw, in order. */
  stop(): Promise<Stall[]>;
};

/**
 * Appends a page to a file of its own and syncs it, some hundred times a second, beside what is measured: a disk that
 * stands still stands still for both. It tells stalls of `leastMs` and more.
 */
export function startDiskWitness(leastMs: number): DiskWitness {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-witness-'));
  const isOver = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const workerData = { file: join(folder, 'pages'), isOver, leastMs } satisfies WitnessData;
  const worker = new Worker(new URL('servers/disk-witness.ts', import.meta.url), { workerData });
  const told = new Promise<Stall[]>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return {
    stop: async () => {
      try {
        Atomics.store(isOver, 0, 1);
        return await told;
      } finally {
        await worker.terminate();
        rmSync(folder, { recursive: true });
      }
    },
  };
}
