import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPadding } from '../../../../shared/runtimes/transformers/decoding/batch-probe.ts';
import type { Decoder } from '../../../../shared/runtimes/transformers/decoding/decoder.ts';
import type { Padding } from '../../../../shared/runtimes/transformers/decoding/kv-cache.ts';
import { summingDecoder } from './summing-decoder.ts';

/** Rows that are computed together move one another's scores by so much, a score of 1 among zeros. */
function noisyDecoder(pads: Padding | null, noise: number): Decoder {
  const decoder = summingDecoder(undefined, pads);
  return {
    ...decoder,
    async forward(pass) {
      const result = await decoder.forward(pass);
      const moved = (row: number): Float32Array =>
        result.scores(row).map((score, id) => score + noise * (id % 2 === row % 2 ? 1 : -1));
      return { ...result, scores: pass.tokens.length > 1 ? moved : result.scores };
    },
  };
}

test('rows that change one another a little share passes where that is known of the model, padded on the right side', async () => {
  const [little, much] = [0.02, 0.2];
  for (const pads of ['before', 'behind', null] as const) {
    assert.equal(await findPadding(noisyDecoder(pads, 0), true), pads);
    assert.equal(await findPadding(noisyDecoder(pads, little), false), pads);
    assert.equal(await findPadding(noisyDecoder(pads, little), true), null);
    assert.equal(await findPadding(noisyDecoder(pads, much), false), null);
  }
});

test('scores that say never, in whichever way, take no part', async () => {
  for (const never of [Number.NEGATIVE_INFINITY, -3e38]) {
    assert.equal(await findPadding(withMask(summingDecoder(undefined, null), never), true), null);
    assert.equal(await findPadding(withMask(summingDecoder(), never), true), 'before');
  }
});

/** Has one more token, which never comes. */
function withMask(decoder: Decoder, never: number): Decoder {
  return {
    ...decoder,
    async forward(pass) {
      const result = await decoder.forward(pass);
      return { ...result, scores: (row) => Float32Array.of(...result.scores(row), never) };
    },
  };
}
