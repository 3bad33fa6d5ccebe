import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder, type Decoder } from '../../../../shared/runtimes/transformers/decoding/decoder.ts';
import { freeCache, type KvCache } from '../../../../shared/runtimes/transformers/decoding/kv-cache.ts';
import type { Session, SessionTensor } from '../../../../shared/runtimes/transformers/session.ts';

const NAME = 'past_key_values.0.key';

function tensorOf(data: Float32Array | BigInt64Array, dims: readonly number[], location = 'cpu'): SessionTensor {
  return { type: 'float32', dims, location, data, dispose: () => undefined };
}

const cacheOf = (data: Float32Array): KvCache => ({
  columns: data.length,
  tensors: { [NAME]: tensorOf(data, [1, 1, data.length, 1]) },
});

/** Of a graph that has a cache and gives `outputs`. */
function decoderOf(outputs: () => Record<string, SessionTensor>): Decoder {
  const session: Session = {
    inputs: [
      { name: 'input_ids', type: 'int64', shape: ['batch_size', 'sequence_length'] },
      { name: NAME, type: 'float32', shape: ['batch_size', 1, 'past_length', 1] },
    ],
    run: async () => outputs(),
    tensor: (_type, data, dims) => tensorOf(data as BigInt64Array, dims),
    floats: ({ data }) => data as Float32Array,
  };
  return createDecoder(session, 0) ?? assert.fail('the graph is a decoder');
}

const scored = (): Record<string, SessionTensor> => ({
  logits: tensorOf(new Float32Array(4), [1, 1, 4]),
  'present.0.key': tensorOf(new Float32Array(3), [1, 1, 3, 1]),
});

test('a pass that succeeded gives back the cache that it was told to use up, and no other', async () => {
  const decoder = decoderOf(scored);
  const [used, kept] = [new Float32Array(2), new Float32Array(2)];
  const { cache } = await decoder.forward({ tokens: [[1]], cache: cacheOf(used), usesUp: true, padding: [0] });
  await decoder.forward({ tokens: [[1]], cache: cacheOf(kept), usesUp: false, padding: [0] });
  assert.equal(used.buffer.detached, true);
  assert.equal(kept.buffer.detached, false);
  assert.deepEqual([cache.columns, cache.tensors[NAME]?.dims], [3, [1, 1, 3, 1]]);
});

test('a pass that failed leaves the cache to whoever tries it again', async () => {
  const failing = decoderOf(() => assert.fail('out of memory'));
  const silent = decoderOf(() => ({ 'present.0.key': scored()['present.0.key'] as SessionTensor }));
  for (const decoder of [failing, silent]) {
    const data = new Float32Array(2);
    await assert.rejects(decoder.forward({ tokens: [[1]], cache: cacheOf(data), usesUp: true, padding: [0] }));
    assert.equal(data.buffer.detached, false);
  }
});

test('memory that holds more than the cache is left alone', () => {
  const whole = new Float32Array(8);
  freeCache(cacheOf(whole.subarray(2, 4)));
  assert.equal(whole.buffer.detached, false);
});
