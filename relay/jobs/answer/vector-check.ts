import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { VectorsFrame } from '../../../shared/protocol/messages.ts';

const BYTES_PER_FLOAT = 4;

/** Holds one attempt's vectors to rule J11; both functions throw `protocol_violation`. */
export type VectorCheck = { assertNext(frame: VectorsFrame): void; assertComplete(): void };

/** `wanted` is how many vectors were asked for; none for a job that makes text. */
export function createVectorCheck(wanted: number): VectorCheck {
  let next = 0;
  let dimensions: number | undefined;
  return {
    assertNext: (frame) => {
      const sizeBytes = frame.count * frame.dimensions * BYTES_PER_FLOAT;
      dimensions ??= frame.dimensions;
      if (
        frame.start !== next ||
        next + frame.count > wanted ||
        frame.count > LIMITS.vectorsPerFrame ||
        frame.dimensions !== dimensions ||
        Buffer.byteLength(frame.data, 'base64') !== sizeBytes
      ) {
        throw new Problem('protocol_violation', 'The node sent vectors of a wrong size, number or place.');
      }
      next += frame.count;
    },
    assertComplete: () => {
      if (next === wanted) return;
      throw new Problem('protocol_violation', `The node sent ${next} vectors where ${wanted} were asked for.`);
    },
  };
}
