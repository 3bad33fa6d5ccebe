import type { EncoderOutput } from '../library/encoder.ts';
import type { JsonObject } from '../model-files.ts';

/** How the hidden states of a text become one vector; the model's `1_Pooling/config.json` says which. */
export type Pooling = 'mean' | 'first' | 'last';

export function readPooling(config: JsonObject): Pooling {
  if (config.pooling_mode_cls_token === true) return 'first';
  if (config.pooling_mode_lasttoken === true) return 'last';
  return 'mean';
}

/**
 * One vector of length 1 per row, written to `vectorOf(row)`. `lengths` are the real tokens of each row,
 * which stand at its left.
 */
export function poolRows(
  output: EncoderOutput,
  lengths: readonly number[],
  pooling: Pooling,
  vectorOf: (row: number) => Float32Array,
): void {
  for (let row = 0; row < lengths.length; row++) {
    const [first, last] = tokenRange(pooling, lengths[row] ?? 1);
    const vector = vectorOf(row);
    vector.fill(0);
    sumTokens(output, row, first, last, vector);
    normalise(vector);
  }
}

function tokenRange(pooling: Pooling, length: number): [number, number] {
  if (pooling === 'first') return [0, 0];
  return [pooling === 'last' ? length - 1 : 0, length - 1];
}

// The sum has the direction of the mean, and only the direction is left after normalising.
function sumTokens(output: EncoderOutput, row: number, first: number, last: number, vector: Float32Array): void {
  for (let token = first; token <= last; token++) {
    const start = (row * output.columns + token) * output.width;
    for (let i = 0; i < output.width; i++) vector[i] = (vector[i] ?? 0) + (output.values[start + i] ?? 0);
  }
}

function normalise(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares) || 1;
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) / length;
}
