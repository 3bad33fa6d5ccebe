import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { filesInFolder } from '../../../main/headless/inference/folder-files.ts';
import type { RuntimeJob } from '../../../shared/runtimes/runtime.ts';
import { loadModel } from '../../../shared/runtimes/transformers/engine.ts';
import { chatJob, collectOutput } from '../../support/runtimes/runtime-fixtures.ts';

const MODEL = fileURLToPath(new URL('../../../shared/models/sparewatt/demo-chat', import.meta.url));

test('a model that keeps what it has read answers as one that does not', async () => {
  const load = (prefixBudgetBytes: number) =>
    loadModel(filesInFolder(MODEL), { dtype: 'fp32', device: 'cpu', threads: 1, prefixBudgetBytes });
  const models = [await load(0), await load(2 ** 24)] as const;
  const prompts = [
    'What is 12 + 7? ',
    'What is 12 + 7? And what is 3 + 4?',
    'What is 12 + 7? And the capital of France?',
  ];
  const known: [without: number, keeping: number][] = [];
  for (const options of [{}, { temperature: 1, seed: 5 }, { choices: 2 }]) {
    for (const prompt of [...prompts, ...prompts.toReversed()].map((text) => `Hello there, please tell me: ${text}`)) {
      const answers = models.map(async (model) => {
        const output = collectOutput();
        const job = { ...chatJob('any', prompt, { maxTokens: 24, ...options }), scope: 'k' } as RuntimeJob;
        const result = await model.run(job, output, () => false);
        const { cachedTokens = 0, ...usage } = result.usage;
        return { answer: { text: output.pieces.join(''), result: { ...result, usage } }, cachedTokens };
      });
      const [without, keeping] = await Promise.all(answers);
      assert.deepEqual(keeping?.answer, without?.answer);
      known.push([without?.cachedTokens ?? 0, keeping?.cachedTokens ?? 0]);
    }
  }
  assert.ok(known.every(([without]) => without === 0));
  // What is seeded begins anew, so that its answer is the same whatever was asked before.
  assert.deepEqual(
    known.map(([, keeping]) => keeping > 0),
    [...repeated(false, 1), ...repeated(true, 5), ...repeated(false, 6), ...repeated(true, 6)],
  );
  for (const model of models) await model.dispose();
});

function repeated<Value>(value: Value, count: number): Value[] {
  return new Array<Value>(count).fill(value);
}
