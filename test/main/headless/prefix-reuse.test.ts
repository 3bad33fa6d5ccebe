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
  for (const options of [{}, { temperature: 1, seed: 5 }, { choices: 2 }]) {
    for (const prompt of [...prompts, ...prompts.toReversed()].map((text) => `Hello there, please tell me: ${text}`)) {
      const answers = models.map(async (model) => {
        const output = collectOutput();
        const job = { ...chatJob('any', prompt, { maxTokens: 24, ...options }), scope: 'k' } as RuntimeJob;
        const result = await model.run(job, output, () => false);
        return { text: output.pieces.join(''), result };
      });
      const [without, with_] = await Promise.all(answers);
      assert.deepEqual(with_, without);
    }
  }
  for (const model of models) await model.dispose();
});
