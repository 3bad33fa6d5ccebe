import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cosineOf } from '../../../shared/vectors/cosine.ts';

test('the likeness of two vectors is that of their directions, whatever their lengths', () => {
  assert.equal(cosineOf([3, 4], [6, 8]), 1);
  assert.equal(cosineOf([1, 0], [0, 5]), 0);
  assert.equal(cosineOf([1, 0], [-2, 0]), -1);
  assert.equal(cosineOf([4, 3], [1, 0]), 0.8);
  assert.equal(cosineOf([1, 0], [4, 3]), 0.8, 'either of them may come first');
  assert.equal(cosineOf([0, 0], [1, 0]), 0, 'what points nowhere is like nothing');
});

test('no likeness is beyond its bounds, however its numbers are rounded', () => {
  const [one, tripled] = [[1, 0.2] as const, [1 * 3, 0.2 * 3] as const];
  assert.equal(cosineOf(one, tripled), 1);
  assert.equal(
    cosineOf(
      one,
      tripled.map((value) => -value),
    ),
    -1,
  );
});
