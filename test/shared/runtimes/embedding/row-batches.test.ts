import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { takeBatch } from '../../../../shared/runtimes/transformers/embedding/row-batches.ts';

const rowOf = (columns: number) => ({ columns });
const paddedTokens = (batch: readonly { columns: number }[]): number =>
  batch.length * Math.max(...batch.map(({ columns }) => columns));

test('every row leaves exactly once, the oldest with the next batch, and no batch is too large', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 2_000 }), { maxLength: 300 }), (lengths) => {
      const rows = lengths.map(rowOf);
      const waiting = [...rows];
      const left = new Set(rows);
      while (waiting.length > 0) {
        const [oldest] = waiting;
        const batch = takeBatch(waiting);
        assert.ok(oldest !== undefined && batch.includes(oldest));
        assert.ok(batch.length <= 32 && (batch.length === 1 || paddedTokens(batch) <= 8_192));
        for (const row of batch) assert.ok(left.delete(row), 'a row that had left already');
      }
      assert.equal(left.size, 0);
    }),
  );
});

test('rows of like length go together, and those that stay keep their order', () => {
  const waiting = [...new Array<number>(20).fill(10), ...new Array<number>(40).fill(500), 10, 11].map(rowOf);
  const expected = waiting.filter(({ columns }) => columns === 500);
  assert.deepEqual(
    takeBatch(waiting).map(({ columns }) => columns),
    [...new Array<number>(21).fill(10), 11, ...new Array<number>(0)],
  );
  assert.deepEqual(waiting, expected);
});
