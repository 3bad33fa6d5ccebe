import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cosine } from '../../../relay/routes/nearness.ts';

test('the cosine tells direction and not length', () => {
  assert.equal(cosine([1, 0], [5, 0]), 1);
  assert.equal(cosine([1, 0], [0, 2]), 0);
  assert.equal(cosine([1, 0], [-3, 0]), -1);
  assert.ok(Math.abs(cosine([1, 1], [1, 0]) - Math.SQRT1_2) < 1e-12);
  assert.equal(cosine([0, 0], [1, 0]), 0);
});
