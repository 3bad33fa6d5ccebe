import { memoryNeedBytes } from '../../shared/preferences/memory-need.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';

type Served = Pick<ServedModel, 'name' | 'revision' | 'dtype' | 'device' | 'size_bytes'>;

export type MemoryPeaksOptions = {
  /** Kept over restarts. */
  kept(): Readonly<Record<string, number>>;
  keep(peaks: Record<string, number>): void;
  /** What this app holds of the GPUs' memory now; null where nobody tells. */
  readGpuBytes(): Promise<number | null>;
  now: () => number;
};

export type MemoryPeaks = {
  /** What a model needs: the most that it has taken here, else what its files let expect. */
  needOf(served: Served): { bytes: number; basis: 'measured' | 'estimated' };
  /** A model alone in a process has taken so much at most. */
  note(served: Served, bytes: number): void;
  /** A job has ended on the GPU; `held` tells what is in its memory, undefined for what is only tried out. */
  ranOnGpu(held: () => readonly (Served | undefined)[]): Promise<void>;
};

/** Asking a program of the system costs some of the machine; memory seldom changes from one job to the next. */
const LEAST_BETWEEN_MS = 15_000;
/** What is less is not worth another write of the settings. */
const NOTICEABLE = 1.02;
const MOST_KEPT = 200;

/**
 * The most memory that each model has taken on this machine, by device.
 *
 * Invariants: (1) what two models take together is never counted for one; (2) a peak only grows, until the model's files or
 * its device are others.
 */
export function createMemoryPeaks({ kept, keep, readGpuBytes, now }: MemoryPeaksOptions): MemoryPeaks {
  let nextAt = 0;
  const note = (served: Served, bytes: number): void => {
    const known = kept();
    const key = keyOf(served);
    if (bytes <= (known[key] ?? 0) * NOTICEABLE) return;
    const { [key]: _, ...others } = known;
    keep(Object.fromEntries([...Object.entries(others), [key, Math.ceil(bytes)] as const].slice(-MOST_KEPT)));
  };
  return {
    needOf: (served) => {
      const peak = kept()[keyOf(served)];
      return peak === undefined
        ? { bytes: memoryNeedBytes(served), basis: 'estimated' }
        : { bytes: peak, basis: 'measured' };
    },
    note,
    ranOnGpu: async (held) => {
      const only = onlyOf(held());
      if (only === undefined || now() < nextAt) return;
      nextAt = now() + LEAST_BETWEEN_MS;
      const bytes = await readGpuBytes();
      // Asking takes a second, in which another may have come.
      if (bytes !== null && onlyOf(held())?.name === only.name) note(only, bytes);
    },
  };
}

function onlyOf(held: readonly (Served | undefined)[]): Served | undefined {
  return held.length === 1 ? held[0] : undefined;
}

function keyOf({ name, revision, dtype, device }: Served): string {
  return [name, revision, dtype, device].join(' ');
}
