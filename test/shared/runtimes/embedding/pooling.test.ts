import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolRows, readPooling } from '../../../../shared/runtimes/transformers/embedding/pooling.ts';

/** Two rows of three tokens, two numbers each; the second row has one token of padding. */
const OUTPUT = { values: Float32Array.of(1, 0, 0, 1, 4, 3, 0, 2, 5, 12, 99, 99), columns: 3, width: 2 };
const LENGTHS = [3, 2];

function pool(config: Record<string, unknown>): number[] {
  const target = new Float32Array(4);
  poolRows(OUTPUT, LENGTHS, readPooling(config), (row) => target.subarray(row * 2, row * 2 + 2));
  return [...target].map((value) => Math.round(value * 1e4) / 1e4);
}

test('takes the mean of the real tokens unless the model says otherwise', () => {
  // (5, 4) and (5, 14), each divided by its length.
  assert.deepEqual(pool({}), [0.7809, 0.6247, 0.3363, 0.9417]);
});

test('takes the first token where the model was trained that way', () => {
  assert.deepEqual(pool({ pooling_mode_cls_token: true }), [1, 0, 0, 1]);
});

test('takes the last real token where the model was trained that way', () => {
  assert.deepEqual(pool({ pooling_mode_lasttoken: true }), [0.8, 0.6, 0.3846, 0.9231]);
});

test('gives zeros and no NaN for hidden states of zero', () => {
  const target = new Float32Array(2);
  poolRows({ values: new Float32Array(2), columns: 1, width: 2 }, [1], 'mean', () => target);
  assert.deepEqual([...target], [0, 0]);
});
