import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { EmbedInput, VectorsFrame } from '../../../shared/protocol/messages.ts';

const BYTES_PER_FLOAT = 4;
/** Of the upper half of a float32: all of them are set in what is infinite, or no number. */
const EXPONENT_BITS = 0x7f80;

/** Holds one attempt's vectors to rule J11. */
export type VectorCheck = {
  /** Throws `protocol_violation`, or `node_fault` for numbers that are none. */
  assertNext(frame: VectorsFrame): void;
  /** Throws `protocol_violation`. */
  assertComplete(): void;
};

/** `asked` is what vectors are asked for; nothing for a job that makes something else. */
export function createVectorCheck(asked?: Pick<EmbedInput, 'inputs' | 'dimensions'>): VectorCheck {
  const wanted = asked?.inputs.length ?? 0;
  let next = 0;
  let dimensions = asked?.dimensions ?? undefined;
  return {
    assertNext: (frame) => {
      const bytes = Buffer.from(frame.data, 'base64');
      dimensions ??= frame.dimensions;
      if (
        frame.start !== next ||
        next + frame.count > wanted ||
        frame.count > LIMITS.vectorsPerFrame ||
        frame.dimensions !== dimensions ||
        bytes.length !== frame.count * frame.dimensions * BYTES_PER_FLOAT
      ) {
        throw new Problem('protocol_violation', 'The node sent vectors of a wrong size, number or place.');
      }
      if (!areFinite(bytes)) {
        throw new Problem('node_fault', 'The node computed vectors with numbers that are none (NaN or infinite).');
      }
      next += frame.count;
    },
    assertComplete: () => {
      if (next === wanted) return;
      throw new Problem('protocol_violation', `The node sent ${next} vectors where ${wanted} were asked for.`);
    },
  };
}

/** JSON knows no others, and an index of vectors that has taken one in finds nothing near it any more. */
function areFinite(floats: Buffer): boolean {
  for (let at = 2; at < floats.length; at += BYTES_PER_FLOAT) {
    if ((floats.readUInt16LE(at) & EXPONENT_BITS) === EXPONENT_BITS) return false;
  }
  return true;
}
