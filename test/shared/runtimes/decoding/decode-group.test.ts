import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DecodeGroup, hasRoomFor } from '../../../../shared/runtimes/transformers/decoding/decode-group.ts';
import type { DecodeRow } from '../../../../shared/runtimes/transformers/decoding/decode-request.ts';

const rowOf = (length: number) => ({ ids: new Array<number>(length).fill(1) }) as unknown as DecodeRow;
const isRoom = (lengths: readonly number[], length: number): boolean =>
  hasRoomFor({ rows: lengths.map(rowOf) } as DecodeGroup, rowOf(length));

test('a pass has sixteen rows at most', () => {
  const rows = (count: number): number[] => new Array<number>(count).fill(9);
  assert.equal(isRoom(rows(15), 9), true);
  assert.equal(isRoom(rows(16), 9), false);
});

test('rows share a pass where padding is less than half of it, or too little to be noticed', () => {
  assert.equal(isRoom([3_000], 3_000), true);
  assert.equal(isRoom([3_000, 10], 10), false);
  assert.equal(isRoom([10, 10], 3_000), false);
  assert.equal(isRoom([3_000, 3_000], 10), true);
  assert.equal(isRoom([500, 1, 1], 1), true);
  assert.equal(isRoom([600, 1, 1], 1), false);
});
