import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import type { ChatMessage } from '../../../shared/protocol/messages.ts';
import type { Runtime } from '../../../shared/runtimes/runtime.ts';
import { collectLog, collectOutput, embedJob, NEVER } from '../../support/runtimes/runtime-fixtures.ts';

const MODELS = fileURLToPath(new URL('../../../shared/models', import.meta.url));
const CHAT = 'sparewatt/demo-chat';
const EMBED = 'sparewatt/demo-embed';
/** What the model card promises on sums it has never seen. */
const LEAST_SHARE_OF_SUMS = 0.95;

/** By `build/models/reference_embed.py`: unknown words and scripts, accents and a text of many tokens among them. */
const VECTORS = new URL('../../fixtures/demo-embed-vectors.jsonl', import.meta.url);
/** How far apart vectors of length 1 may be: the last digits of float32, and what rounding to 8 bits takes. */
const AS_TRAINED = { fp32: 1e-6, q8: 0.02 };

type Example = { task: string; messages: ChatMessage[]; answer: string };

test('the demo models are small: 12 MB in all their forms together', async () => {
  const files = await readdir(MODELS, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  assert.ok(sizes.length > 10);
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) < 12e6);
});

for (const dtype of ['fp32', 'q8'] as const) {
  describe(`the demo models in ${dtype}`, () => {
    let runtime: Runtime;

    before(async () => {
      runtime = await createWorkerRuntime({
        models: [CHAT, EMBED].map((id) => ({ id, dtype })),
        modelFolder: MODELS,
        cacheFolder: join(MODELS, 'none'),
        log: collectLog(),
      });
    });

    after(() => runtime?.close());

    async function ask(messages: ChatMessage[]): Promise<string> {
      const output = collectOutput();
      const input = { messages, maxTokens: null, temperature: null, topP: null, seed: null, stop: [] };
      await runtime.run({ type: 'llm', model: CHAT, input }, output, NEVER);
      return output.pieces.join('');
    }

    test('answer their examples, and at least 95 of 100 sums', async () => {
      const examples = JSON.parse(await readFile(join(MODELS, CHAT, 'examples.json'), 'utf8')) as Example[];
      assert.ok(examples.length > 100);
      const wrongSums: string[] = [];
      const sums = examples.filter(({ task }) => task === 'sum');
      for (const { task, messages, answer } of examples) {
        const actual = await ask(messages);
        if (task !== 'sum') assert.equal(actual, answer, `${task}: ${messages.at(-1)?.content}`);
        else if (actual !== answer) wrongSums.push(`${messages.at(-1)?.content} ${actual}`);
      }
      const share = 1 - wrongSums.length / sums.length;
      assert.ok(share >= LEAST_SHARE_OF_SUMS, wrongSums.join('; '));
    });

    test('embed as the framework does that trained them', async () => {
      const lines = (await readFile(VECTORS, 'utf8')).trim().split('\n');
      const references = lines.map((line) => JSON.parse(line) as { text: string; vector: number[] });
      assert.ok(references.length > 5);
      const found = await vectors(references.map(({ text }) => text));
      for (const [index, { text, vector }] of references.entries()) {
        const apart = distance(found[index] ?? [], vector);
        assert.ok(apart < AS_TRAINED[dtype], `${text.slice(0, 32)}: ${apart}`);
      }
    });

    test('embed alone as among others, in vectors of length 1', async () => {
      const texts = ['The bread is in the oven.', 'A rocket flies to the moon.', 'Rain'];
      const together = await vectors(texts);
      for (const [index, text] of texts.entries()) {
        const alone = (await vectors([text]))[0] ?? [];
        assert.equal(alone.length, runtime.models().find(({ name }) => name === EMBED)?.dimensions);
        assert.ok(Math.abs(Math.hypot(...alone) - 1) < 1e-5);
        // Dynamic 8-bit quantization takes its scale from the whole batch, so only fp32 is the same to the last digits.
        assert.ok(distance(alone, together[index] ?? []) < (dtype === 'fp32' ? 1e-5 : 0.05));
      }
    });

    async function vectors(texts: string[]): Promise<number[][]> {
      const output = collectOutput();
      await runtime.run(embedJob(EMBED, texts), output, NEVER);
      return texts.map((_, index) => output.rows.get(index) ?? []);
    }
  });
}

function distance(left: readonly number[], right: readonly number[]): number {
  return Math.hypot(...left.map((value, index) => value - (right[index] ?? 0)));
}
