import type { ServedModel } from '../protocol/capabilities.ts';

/** Weights as they lie in memory, with what a runtime keeps beside them: buffers of one step and of a conversation. */
const WEIGHTS_FACTOR = 1.2;
/** A device and its compiled programs, before any model. */
const BASE_BYTES = 64 * 1024 * 1024;

/** What a model is expected to take of a device's memory, in bytes. An estimate from its files: pages cannot measure it. */
export function memoryNeedBytes({ size_bytes }: Pick<ServedModel, 'size_bytes'>): number {
  return Math.ceil(size_bytes * WEIGHTS_FACTOR) + BASE_BYTES;
}

/** How a model fits: `tight` above nine tenths of what there is, `unknown` where nobody says how much that is. */
export type Fit = 'fits' | 'tight' | 'too_big' | 'unknown';

const TIGHT_ABOVE = 0.9;

export function fitOf(needBytes: number, availableBytes: number | null): Fit {
  if (availableBytes === null) return 'unknown';
  if (needBytes > availableBytes) return 'too_big';
  return needBytes > availableBytes * TIGHT_ABOVE ? 'tight' : 'fits';
}
