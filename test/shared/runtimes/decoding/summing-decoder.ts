/** A language model that adds up, for tests of how its passes are shared and what is kept of them. */
import assert from 'node:assert/strict';
import type { Decoder, DecoderPass } from '../../../../shared/runtimes/transformers/decoding/decoder.ts';
import { freeCache, type Padding } from '../../../../shared/runtimes/transformers/decoding/kv-cache.ts';
import type { Session, SessionTensor } from '../../../../shared/runtimes/transformers/session.ts';

export const NAME = 'past_key_values.0.key';
export const TOKENS = 64;

export const session: Session = {
  inputs: [],
  run: () => assert.fail('the decoder of this test needs no session'),
  tensor: (type, data, dims) => ({ type, dims, location: 'cpu', data, dispose: () => undefined }),
  floats: ({ data }) => data as Float32Array,
};

/**
 * The next token is the sum of all that were read; the cache holds the tokens themselves. `before` sees every pass. Rows that are
 * padded elsewhere than it `pads` them sum up something else.
 */
export function summingDecoder(
  before: (pass: DecoderPass) => void = () => undefined,
  pads: Padding | null = 'before',
): Decoder {
  return {
    session,
    isPlain: true,
    takesMask: true,
    takesPlaces: true,
    bytesPerToken: 4,
    async forward(pass) {
      before(pass);
      const { tokens, cache, padding, padded = 'before' } = pass;
      const length = tokens[0]?.length ?? 0;
      const columns = cache.columns + length;
      const past = (cache.tensors[NAME] as SessionTensor | undefined)?.data as Float32Array | undefined;
      const data = new Float32Array(tokens.length * columns);
      const sums = tokens.map((row, at) => {
        const known = past?.subarray(at * cache.columns, (at + 1) * cache.columns) ?? new Float32Array(0);
        const empty = padding[at] ?? 0;
        const own = padded === 'before' ? known.subarray(empty) : known.subarray(0, known.length - empty);
        data.set([...own, ...row], at * columns + (padded === 'before' ? empty : 0));
        return [...own, ...row].reduce((sum, id) => sum + id, padded === pads ? 0 : empty * 9);
      });
      await Promise.resolve();
      if (pass.usesUp === true) freeCache(cache);
      return {
        cache: { columns, tensors: { [NAME]: session.tensor('float32', data, [tokens.length, 1, columns, 1]) } },
        scores: (row) => Float32Array.from({ length: TOKENS }, (_, id) => (id === (sums[row] ?? 0) % TOKENS ? 1 : 0)),
      };
    },
  };
}
