import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEmbedder } from '../../../../shared/runtimes/transformers/embedding/embeddings.ts';
import type { EncoderModel } from '../../../../shared/runtimes/transformers/library/encoder.ts';

const SETTINGS = { contextLength: 100, dimensions: 1, vocabularySize: 1_000, pooling: 'first' as const };
const POISON = 666;

/** Gives each token itself as its only number, and notes how many rows each pass had. */
function pretendedEncoder() {
  const passes: number[] = [];
  const model: EncoderModel = {
    tokenizer: { padId: 0 } as EncoderModel['tokenizer'],
    forward: async (ids, _mask, rows) => {
      passes.push(rows);
      if (ids.includes(BigInt(POISON))) throw new Error('the library gave up');
      return { values: Float32Array.from(ids, Number), columns: ids.length / rows, width: 1 };
    },
    dispose: async () => undefined,
  };
  return { passes, embed: createEmbedder(model, SETTINGS) };
}

const collect = () => {
  const starts: number[] = [];
  return { starts, output: (start: number) => void starts.push(start) };
};

test('jobs that come together share a pass', async () => {
  const { passes, embed } = pretendedEncoder();
  const jobs = Array.from({ length: 10 }, () =>
    embed(
      { inputs: [[3]], dimensions: null },
      () => undefined,
      () => false,
    ),
  );
  await Promise.all(jobs);
  assert.deepEqual(passes, [10]);
});

test('a job that makes its pass fail takes no other with it', async () => {
  const { passes, embed } = pretendedEncoder();
  const good = collect();
  const [bad, fine] = await Promise.allSettled([
    embed(
      { inputs: [[POISON], [1]], dimensions: null },
      () => assert.fail('it has no vectors'),
      () => false,
    ),
    embed({ inputs: [[1], [2]], dimensions: null }, good.output, () => false),
  ]);
  assert.equal(bad.status === 'rejected' && (bad.reason as Error).message, 'the library gave up');
  assert.deepEqual([fine.status, good.starts], ['fulfilled', [0]]);
  assert.deepEqual(passes, [4, 2, 2]);
  await embed(
    { inputs: [[1]], dimensions: null },
    () => undefined,
    () => false,
  );
});

test('frames leave in order whatever the lengths of their rows, and a receiver that fails ends its own job', async () => {
  const { embed } = pretendedEncoder();
  const inputs = Array.from({ length: 200 }, (_, index) => new Array<number>(1 + ((index * 7) % 90)).fill(1));
  const { starts, output } = collect();
  const broken = embed(
    { inputs, dimensions: null },
    () => assert.fail('a broken pipe'),
    () => false,
  );
  await Promise.all([
    assert.rejects(broken, /a broken pipe/),
    embed({ inputs, dimensions: null }, output, () => false),
  ]);
  assert.deepEqual(starts, [0, 64, 128, 192]);
});

test('a job without inputs ends at once', async () => {
  const { embed } = pretendedEncoder();
  const usage = await embed(
    { inputs: [], dimensions: null },
    () => assert.fail(),
    () => false,
  );
  assert.deepEqual(usage, { inputTokens: 0, outputTokens: 0 });
});
