import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createVectorCheck } from '../../../../relay/jobs/answer/vector-check.ts';
import { floatsToBase64 } from '../../../../shared/protocol/base64.ts';
import type { VectorsFrame } from '../../../../shared/protocol/messages.ts';

const asked = (count: number, dimensions: number | null = null) => ({
  inputs: new Array<string>(count).fill('x'),
  dimensions,
});

function frame(start: number, count: number, dimensions: number, floats = count * dimensions): VectorsFrame {
  return {
    type: 'vectors',
    epoch: 1,
    seq: 0,
    start,
    count,
    dimensions,
    data: floatsToBase64(new Float32Array(floats)),
  };
}

test('[J11] takes any division of the vectors into frames, and nothing less than all of them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 64 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      (counts, dimensions) => {
        const total = counts.reduce((sum, count) => sum + count, 0);
        const check = createVectorCheck(asked(total + 1));
        let start = 0;
        for (const count of counts) {
          check.assertNext(frame(start, count, dimensions));
          start += count;
        }
        assert.throws(check.assertComplete, { code: 'protocol_violation' });
        check.assertNext(frame(start, 1, dimensions));
        check.assertComplete();
      },
    ),
    { seed: 3, numRuns: 200 },
  );
});

test('[J11] refuses more than vectorsPerFrame in one frame', () => {
  assert.throws(() => createVectorCheck(asked(100)).assertNext(frame(0, 65, 1)), { code: 'protocol_violation' });
});

test('[J11] refuses vectors of another place, number, size or dimension than is due', () => {
  const wrong = [
    [frame(1, 1, 3)],
    [frame(0, 1, 3), frame(0, 1, 3)],
    [frame(0, 1, 3), frame(1, 2, 3)],
    [frame(0, 1, 3), frame(1, 1, 4)],
    [frame(0, 1, 3, 2)],
    [frame(0, 1, 3, 4)],
  ];
  for (const frames of wrong) {
    const check = createVectorCheck(asked(2));
    const last = frames.pop() as VectorsFrame;
    for (const one of frames) check.assertNext(one);
    assert.throws(() => check.assertNext(last), { code: 'protocol_violation' });
  }
});

test('[J11] refuses vectors for a job that makes text', () => {
  const check = createVectorCheck();
  check.assertComplete();
  assert.throws(() => check.assertNext(frame(0, 1, 1)), { code: 'protocol_violation' });
});

test('[J11] vectors have the dimensions that were asked for', () => {
  createVectorCheck(asked(1, 3)).assertNext(frame(0, 1, 3));
  assert.throws(() => createVectorCheck(asked(1, 3)).assertNext(frame(0, 1, 4)), { code: 'protocol_violation' });
});

test('[J11] vectors are of numbers: what a computation that overflowed leaves is the fault of its node', () => {
  const of = (...values: number[]) => ({ ...frame(0, 1, 3), data: floatsToBase64(Float32Array.from(values)) });
  createVectorCheck(asked(1)).assertNext(of(-3.4e38, 1e-45, -0));
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (const values of [
      [value, 0, 0],
      [0, 0, value],
    ]) {
      assert.throws(() => createVectorCheck(asked(1)).assertNext(of(...values)), { code: 'node_fault' });
    }
  }
});
