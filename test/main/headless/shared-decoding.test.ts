import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { filesInFolder } from '../../../main/headless/inference/folder-files.ts';
import type { ChatInput, TokenLogprob } from '../../../shared/protocol/messages.ts';
import { createRandom } from '../../../shared/runtimes/transformers/decoding/random.ts';
import { type LoadedModel, loadModel } from '../../../shared/runtimes/transformers/engine.ts';
import type { LoadOptions } from '../../../shared/runtimes/transformers/library/environment.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { writeLlamaModel } from '../../support/models/llama-model.ts';
import { chatJob, collectOutput } from '../../support/runtimes/runtime-fixtures.ts';
import { sharedFolder } from '../../support/temporary-folder.ts';

const DEMO = fileURLToPath(new URL('../../../shared/models/sparewatt/demo-chat', import.meta.url));
/** Scores that are computed beside others differ by rounding; tokens whose scores are nearer than this may change places. */
const ROUNDING = 1e-3;
const QUESTIONS = [
  'What is 12 + 7?',
  'What is the capital of France? Please say it in one short sentence, if you would be so kind.',
  'Hello!',
  'Count from 3 to 9.',
  'Tell me a story about a small machine that has nothing to do all night, and who comes to visit it.',
];

type Asked = { prompt: string; options: Partial<ChatInput> };
type Answer = { text: string; finishReason: string; logprobs: TokenLogprob[] };

describe('answers that share the passes of a model', () => {
  const root = sharedFolder();
  const loaded = new Map<string, LoadedModel>();

  before(async () => {});

  after(async () => {
    for (const model of loaded.values()) await model.dispose();
  });

  async function load(folder: string, options: Partial<LoadOptions> = {}): Promise<LoadedModel> {
    const all: LoadOptions = { dtype: 'fp32', device: 'cpu', threads: 1, ...options };
    const key = JSON.stringify([folder, all]);
    const model = loaded.get(key) ?? (await loadModel(filesInFolder(folder), all));
    loaded.set(key, model);
    return model;
  }

  async function answer(model: LoadedModel, { prompt, options }: Asked, onText?: () => void): Promise<Answer> {
    const output = collectOutput(onText);
    const { finishReason } = await model.run(chatJob('any', prompt, options), output, () => false);
    return { text: output.pieces.join(''), finishReason, logprobs: output.logprobs };
  }

  /** Begins each at another moment, while those before it are in the midst of theirs. */
  async function answerTogether(model: LoadedModel, asked: readonly Asked[]): Promise<Answer[]> {
    const answers: Promise<Answer>[] = [];
    await new Promise<void>((resolve) => {
      const begin = (): void => {
        const next = asked[answers.length];
        if (next === undefined) {
          resolve();
          return;
        }
        let tokens = 0;
        answers.push(answer(model, next, () => (++tokens === 3 ? begin() : undefined)).finally(begin));
      };
      begin();
    });
    return Promise.all(answers);
  }

  function assertAlike(together: Answer, alone: Answer, of: string): void {
    const [left, right] = [together.logprobs, alone.logprobs];
    const parting = right.findIndex(({ token }, at) => token !== left[at]?.token);
    if (parting === -1 || left[parting] === undefined) {
      assert.equal(together.text, alone.text, of);
      return;
    }
    const near =
      right[parting]?.top.find(({ token }) => token === left[parting]?.token)?.logprob ?? Number.NEGATIVE_INFINITY;
    const difference = Math.abs((right[parting]?.logprob ?? 0) - near);
    assert.ok(difference < ROUNDING, `${of}: token ${parting} is ${difference} from the one it is alone`);
  }

  for (const decoding of ['own', 'library'] as const) {
    test(`are the same as those of ${decoding === 'own' ? 'each alone' : "the library's own loop"}`, async () => {
      const random = createRandom(11);
      const models = [
        [DEMO, 'fp32'],
        [await writeLlamaModel(root, 'test/tiny'), 'fp32'],
        [await writeLlamaModel(root, 'test/half', { dtype: 'fp16' }), 'fp16'],
        [await writeLlamaModel(root, 'test/fused', { isFused: true }), 'fp32'],
      ] as const;
      for (const [folder, dtype] of models) {
        const asked = Array.from({ length: 16 }, (_, index): Asked => {
          const temperature = index % 2 === 0 ? 0 : 0.5 + random();
          const wishes = index % 3 === 0 ? { frequencyPenalty: 0.5, topP: 0.9 } : {};
          return {
            prompt: `${QUESTIONS[index % QUESTIONS.length]} ${'x'.repeat(random() * 150)}`,
            options: { ...wishes, temperature, seed: index, topLogprobs: 5, maxTokens: 4 + Math.floor(random() * 40) },
          };
        });
        const own = await load(folder, { dtype, sharedThreads: 2 });
        const other = await load(folder, { dtype, decoding });
        const together = await answerTogether(own, asked);
        for (const [index, one] of asked.entries()) {
          assertAlike(together[index] as Answer, await answer(other, one), `${folder} ${index}`);
        }
      }
    });
  }

  test('are exactly the same with a seed where a model scales all rows of a pass together', async () => {
    const quantised = await load(await writeLlamaModel(root, 'test/quantised', { dtype: 'q8' }), { dtype: 'q8' });
    const asked = QUESTIONS.map((prompt, seed) => ({ prompt, options: { temperature: 1, seed, maxTokens: 30 } }));
    const others = QUESTIONS.map((prompt) => ({ prompt, options: { temperature: 1, maxTokens: 60 } }));
    const together = await answerTogether(
      quantised,
      asked.flatMap((one, at) => [others[at] ?? one, one]),
    );
    for (const [index, one] of asked.entries()) {
      assert.equal(together[2 * index + 1]?.text, (await answer(quantised, one)).text, String(index));
    }
  });

  for (const isFused of [false, true])
    test(`come with the prefix of an earlier turn, whoever runs beside, ${isFused ? 'with' : 'without'} one operator for attention`, async () => {
      const model = await load(await writeLlamaModel(root, `test/turns-${isFused}`, { isFused }), {
        prefixBudgetBytes: 2 ** 26,
      });
      const first = 'It was a dark and stormy night, and nobody was about. ';
      const turn = (prompt: string, scope?: string) => async (): Promise<string> => {
        const output = collectOutput();
        const job = { ...chatJob('any', prompt, { maxTokens: 20, temperature: 0 }), ...(scope ? { scope } : {}) };
        await model.run(job as ReturnType<typeof chatJob>, output, () => false);
        return output.pieces.join('');
      };
      const scopes = ['a', 'b', 'c'];
      await Promise.all(scopes.map((scope, at) => turn(first.repeat(at + 1), scope)()));
      const followed = await Promise.all(scopes.map((scope, at) => turn(`${first.repeat(at + 1)}And then?`, scope)()));
      for (const [at, text] of followed.entries()) assert.equal(text, await turn(`${first.repeat(at + 1)}And then?`)());
    });

  test('tell which sessions the model still knows, and nothing where none was named', async () => {
    const model = await load(await writeLlamaModel(root, 'test/sessions'), { prefixBudgetBytes: 2 ** 26 });
    const run = async (prompt: string, more: object) =>
      (await model.run({ ...chatJob('any', prompt, { maxTokens: 4 }), ...more } as never, collectOutput(), () => false))
        .warmSessions;
    assert.equal(await run('A prompt that is long enough to be kept.', { scope: 'a' }), undefined);
    assert.deepEqual(await run('Another that is long enough to be kept.', { scope: 'a', session: 's1' }), ['s1']);
    assert.deepEqual(await run('One more that is long enough to be kept.', { scope: 'b', session: 's2' }), [
      's2',
      's1',
    ]);
  });

  test('wait for memory in turn, and each gets its own', async () => {
    const folder = await writeLlamaModel(root, 'test/narrow');
    const roomy = await load(folder);
    // 512 bytes a token: room for one answer and a half.
    const narrow = await load(folder, { cacheBudgetBytes: 512 * 120 });
    const asked = QUESTIONS.map((prompt) => ({ prompt, options: { temperature: 0, maxTokens: 40 } }));
    const answers = await Promise.all(asked.map((one) => answer(narrow, one)));
    for (const [index, one] of asked.entries()) assert.deepEqual(answers[index], await answer(roomy, one));
  });

  test('stop while they wait, and a receiver that fails takes nobody with it', async () => {
    const folder = await writeLlamaModel(root, 'test/failing');
    const model = await load(folder, { cacheBudgetBytes: 512 * 200 });
    const long = { prompt: 'Hello!', options: { temperature: 0, maxTokens: 120 } };
    const running = answer(model, long);
    const waiting = model.run(chatJob('any', 'Hi!', { maxTokens: 150 }), collectOutput(), () => true);
    const failing = answer(model, { prompt: 'Ho!', options: { maxTokens: 20 } }, () => assert.fail('gone'));
    await assert.rejects(failing, /gone/);
    assert.equal((await waiting).usage.outputTokens <= 1, true);
    assert.deepEqual(await running, await answer(model, long));
  });

  test('are not mixed up where the graph is not told which place a token has', async () => {
    const transitions = { ...chain(['1', '2', '3'].map(piece)), ' ': [] };
    const first = { a: [[piece('1'), 1]], b: [[piece('1'), 1]] } as const;
    const model = await load(await writeBigramModel(root, 'test/placeless', { transitions, firstCharacter: first }));
    const asked = ['a', 'bbbb', 'aaaaaaaa'].map((prompt) => ({ prompt, options: {} }));
    for (const { text } of await answerTogether(model, asked)) assert.equal(text, '123');
  });

  test('are left to the library where the model files ask for what only it does', async () => {
    const transitions = chain(['1', '2', '3'].map(piece));
    const folder = await writeBigramModel(root, 'test/suppressing', {
      transitions: {
        ...transitions,
        '<assistant>': [
          [piece('A'), 20],
          [piece('1'), 10],
        ],
      },
      generationConfig: { suppress_tokens: [4 + 'A'.charCodeAt(0)] },
    });
    assert.equal((await answer(await load(folder), { prompt: 'hi', options: {} })).text, '123');
  });
});
