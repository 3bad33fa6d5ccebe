import { base64ToFloats } from '../protocol/base64.ts';
import type { VectorsFrame } from '../protocol/messages.ts';

/** The vectors of one answer, put together from its frames. */
export type VectorRows = {
  add(frame: VectorsFrame): void;
  rows(): number[][];
  dimensions(): number;
  /** All of them in order as little-endian float32, which is what is hashed. */
  bytes(): Uint8Array<ArrayBuffer>;
};

export function createVectorRows(): VectorRows {
  const parts: { values: Float32Array<ArrayBuffer>; dimensions: number }[] = [];
  return {
    add: ({ data, dimensions }) => void parts.push({ values: base64ToFloats(data), dimensions }),
    rows: () => parts.flatMap(({ values, dimensions }) => rowsOf(values, dimensions)),
    dimensions: () => parts[0]?.dimensions ?? 0,
    bytes: () => littleEndian(parts.map(({ values }) => values)),
  };
}

function rowsOf(values: Float32Array, dimensions: number): number[][] {
  const rows: number[][] = [];
  for (let at = 0; at < values.length; at += dimensions) rows.push([...values.subarray(at, at + dimensions)]);
  return rows;
}

function littleEndian(parts: readonly Float32Array[]): Uint8Array<ArrayBuffer> {
  const count = parts.reduce((sum, { length }) => sum + length, 0);
  const view = new DataView(new ArrayBuffer(count * 4));
  let at = 0;
  for (const part of parts) for (const value of part) view.setFloat32(4 * at++, value, true);
  return new Uint8Array(view.buffer);
}
