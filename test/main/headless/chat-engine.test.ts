import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { filesInFolder } from '../../../main/headless/inference/folder-files.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';
import { type LoadedModel, loadModel } from '../../../shared/runtimes/transformers/engine.ts';
import { bytePiece, chain, piece, type Transitions, writeBigramModel } from '../../support/models/bigram-model.ts';
import { isProblem } from '../../support/problems.ts';
import { chatJob, collectOutput, embedJob } from '../../support/runtimes/runtime-fixtures.ts';
import { sharedFolder } from '../../support/temporary-folder.ts';

const OPTIONS = { dtype: 'fp32', device: 'cpu', threads: 1 };
/** "Grüße 😀, stop here", with the emoji and the ß split between tokens. */
const GREETING = [
  piece('Gr'),
  piece('ü'),
  bytePiece(0xc3),
  bytePiece(0x9f),
  piece('e '),
  bytePiece(0xf0, 0x9f),
  bytePiece(0x98, 0x80),
  piece(', st'),
  piece('op'),
  piece(' here'),
];
const GREETING_TEXT = 'Grüße 😀, stop here';

/** Answers with one letter: A, B, C or D with falling probability. */
const LETTERS: Transitions = {
  '<assistant>': [
    [piece('A'), Math.log(0.5) + 20],
    [piece('B'), Math.log(0.25) + 20],
    [piece('C'), Math.log(0.15) + 20],
    [piece('D'), Math.log(0.1) + 20],
  ],
  ...Object.fromEntries(['A', 'B', 'C', 'D'].map((letter) => [piece(letter), [['<eos>', 30]] as const])),
};
/** Never ends by itself. */
const CLOCK: Transitions = { ...chain([piece('tick '), piece('tock ')], '<assistant>', piece('tick ')) };

describe('a chat', () => {
  const root = sharedFolder();
  let greeting: LoadedModel;
  let letters: LoadedModel;
  let clock: LoadedModel;

  before(async () => {
    greeting = await load('test/greeting', { transitions: chain(GREETING) });
    letters = await load('test/letters', { transitions: LETTERS });
    clock = await load('test/clock', { transitions: CLOCK, contextLength: 64 });
  });

  after(async () => {
    await Promise.all([greeting, letters, clock].map((model) => model?.dispose()));
  });

  async function load(id: string, options: Parameters<typeof writeBigramModel>[2]): Promise<LoadedModel> {
    return await loadModel(filesInFolder(await writeBigramModel(root, id, options)), OPTIONS);
  }

  async function ask(model: LoadedModel, options: Partial<ChatInput> = {}, prompt = 'hi') {
    const output = collectOutput();
    const result = await model.run(chatJob('any', prompt, options), output, () => false);
    return {
      text: output.pieces.join(''),
      pieces: output.pieces,
      sentTokens: output.tokens,
      prompts: output.prompts,
      ...result,
    };
  }

  test('gives whole characters, piece by piece, and counts tokens without the end token', async () => {
    const answer = await ask(greeting);
    assert.equal(answer.text, GREETING_TEXT);
    assert.deepEqual(answer.pieces.slice(0, 5), ['Gr', 'ü', 'ß', 'e ', '😀']);
    assert.equal(answer.finishReason, 'stop');
    assert.deepEqual(answer.usage, { inputTokens: 4, outputTokens: GREETING.length });
    assert.equal(answer.sentTokens, GREETING.length);
  });

  test('[J17] the first piece tells how long the prompt is, and none after it, of however many answers', async () => {
    for (const choices of [1, 3]) {
      const { prompts, usage } = await ask(greeting, { choices });
      assert.ok(prompts.length > choices);
      assert.deepEqual(new Set(prompts.slice(1)), new Set([undefined]));
      assert.equal(prompts[0], usage.inputTokens);
    }
  });

  test('[J18] tells thoughts as text to a relay that does not ask for them apart', async () => {
    const chatTemplate = "{{ messages[0]['content'] }}<assistant>{# </think> #}";
    const thinks = await load('test/thinks', {
      chatTemplate,
      transitions: chain([piece('<think>Hm.</think>'), piece('42')]),
    });
    const output = collectOutput();
    await thinks.run(chatJob('any', 'hi', {}), output, () => false);
    await thinks.dispose();
    assert.equal(output.pieces.join(''), '<think>Hm.</think>42');
  });

  test('ends at the end token without giving its name out', async () => {
    assert.doesNotMatch((await ask(greeting)).text, /eos/);
  });

  test('ends before a stop string that lies across two tokens', async () => {
    const answer = await ask(greeting, { stop: ['nothing', 'stop'] });
    assert.equal(answer.text, 'Grüße 😀, ');
    assert.deepEqual([answer.finishReason, answer.stopSequence], ['stop', 'stop']);
    assert.equal(answer.usage.outputTokens, 9, 'the tokens of the stop string were made and count');
  });

  test('computes no further token after a stop string', async () => {
    let asked = 0;
    const job = chatJob('any', 'go', { stop: ['tock'] });
    await clock.run(job, collectOutput(), () => ++asked > 1_000);
    assert.equal(asked, 1, 'the first token did not end the answer, the second did');
  });

  test('sends what it held back when a stop string does not come after all', async () => {
    const answer = await ask(greeting, { stop: ['here!'] });
    assert.deepEqual([answer.text, answer.stopSequence], [GREETING_TEXT, undefined]);
  });

  test('ends with reason length after exactly max_tokens tokens', async () => {
    const answer = await ask(greeting, { maxTokens: 2 });
    assert.deepEqual([answer.text, answer.finishReason, answer.usage.outputTokens], ['Grü', 'length', 2]);
  });

  test('marks the bytes of a character that max_tokens cut in two', async () => {
    assert.equal((await ask(greeting, { maxTokens: 3 })).text, 'Grü\uFFFD');
  });

  test('fills the context and no more when nothing else ends it', async () => {
    const answer = await ask(clock);
    assert.equal(answer.usage.inputTokens + answer.usage.outputTokens, 64);
    assert.equal(answer.finishReason, 'length');
    assert.equal((await ask(clock, { maxTokens: 10_000 })).usage.outputTokens, answer.usage.outputTokens);
  });

  test('[J13] holds a model that would say something else for ever to the format, closed within the tokens', async () => {
    const schema = { type: 'object', properties: { tick: { type: 'string' } }, required: ['tick'] };
    const answer = await ask(clock, { format: { type: 'json_schema', schema }, maxTokens: 30 });
    assert.deepEqual(Object.keys(JSON.parse(answer.text)), ['tick']);
    assert.deepEqual([answer.finishReason, answer.usage.outputTokens <= 30], ['length', true]);
    const choices = await ask(greeting, { format: { type: 'choice', choices: ['Gr', 'yes'] } });
    assert.deepEqual([choices.text, choices.finishReason, choices.usage.outputTokens], ['Gr', 'stop', 1]);
  });

  test('[J13] refuses a format in which no answer fits, and says how many tokens one has', async () => {
    const format = { type: 'choice' as const, choices: ['a long choice'] };
    await assert.rejects(ask(clock, { format, maxTokens: 3 }), isProblem('invalid_value', /about 13 tokens .* is 3/));
    const long = ask(clock, { format: { type: 'choice', choices: ['x'.repeat(80)] } });
    await assert.rejects(long, isProblem('context_length_exceeded', /Shorten the messages/));
  });

  test('[J13] makes a call where one is required, though the model would rather tick', async () => {
    const output = collectOutput();
    const parameters = { type: 'object', properties: { n: { enum: [7] } }, required: ['n'] };
    const job = chatJob('any', 'go', { tools: [{ name: 'f', parameters }], toolChoice: 'required', maxTokens: 40 });
    const roomy = await load('test/roomy', { transitions: CLOCK, contextLength: 512 });
    const { finishReason } = await roomy.run(job, output, () => false);
    await roomy.dispose();
    assert.equal(finishReason, 'tool_calls');
    assert.deepEqual(
      [output.calls[0]?.name, JSON.parse(output.calls.map((piece) => piece.arguments).join('')), output.pieces],
      ['f', { n: 7 }, []],
    );
  });

  test('gives several choices side by side, each with its own end', async () => {
    const output = collectOutput();
    const job = chatJob('any', 'hi', { choices: 3, temperature: 1, seed: 11 });
    const { finishReasons, usage } = await letters.run(job, output, () => false);
    assert.deepEqual(finishReasons, ['stop', 'stop', 'stop']);
    assert.ok(output.texts.every((text) => /^[ABCD]$/.test(text)));
    assert.equal(output.texts[0], (await ask(letters, { temperature: 1, seed: 11 })).text);
    assert.equal(usage.outputTokens, 3);
  });

  test('refuses a prompt that leaves no room for an answer and says both numbers', async () => {
    const expected = isProblem(
      'context_length_exceeded',
      /^The prompt is too long\. .*66 tokens, which is longer than the model's context length: .*at most 64/,
    );
    await assert.rejects(ask(clock, {}, 'x'.repeat(64)), expected);
    await assert.rejects(ask(clock, {}, 'x'.repeat(64)), { param: 'messages' });
    await assert.rejects(ask(clock, {}, 'x'.repeat(62)), isProblem('context_length_exceeded', /64 tokens.*at most 64/));
    assert.equal((await ask(clock, {}, 'x'.repeat(61))).usage.outputTokens, 1);
  });

  test('reads a long prompt in pieces to the same effect', async () => {
    const first = { a: [[piece('A'), 9]], b: [[piece('B'), 9]] } as const;
    const model = await load('test/long', { transitions: LETTERS, firstCharacter: first, contextLength: 4_096 });
    for (const [prompt, letter] of [
      ['a', 'A'],
      ['b', 'B'],
    ] as const) {
      const long = await ask(model, {}, prompt.padEnd(1_000, 'x'));
      assert.equal(long.text, letter);
      assert.equal(long.usage.inputTokens, 1_002);
    }
    await model.dispose();
  });

  test('gives the same answer for the same seed and others for other seeds', async () => {
    const answers = new Map<number, string>();
    for (let seed = 0; seed < 12; seed++) {
      const { text } = await ask(letters, { temperature: 2, seed });
      assert.equal((await ask(letters, { temperature: 2, seed })).text, text);
      answers.set(seed, text);
    }
    assert.ok(new Set(answers.values()).size > 1);
  });

  test('draws afresh each time without a seed', async () => {
    const texts = new Set<string>();
    for (let run = 0; run < 40; run++) texts.add((await ask(letters, { temperature: 1 })).text);
    assert.ok(texts.size > 1);
  });

  test('takes the likeliest token at temperature 0, with or without a seed', async () => {
    for (let seed = 0; seed < 5; seed++) assert.equal((await ask(letters, { temperature: 0, seed })).text, 'A');
    assert.equal((await ask(letters)).text, 'A');
  });

  test('lets top_p change what is drawn', async () => {
    const drawn = async (topP: number): Promise<string[]> => {
      const texts = new Set<string>();
      for (let seed = 0; seed < 60; seed++) texts.add((await ask(letters, { temperature: 1, topP, seed })).text);
      return [...texts].sort();
    };
    assert.deepEqual(await drawn(0.4), ['A']);
    assert.deepEqual(await drawn(0.7), ['A', 'B']);
    assert.deepEqual(await drawn(1), ['A', 'B', 'C', 'D']);
  });

  test('stops within one token of an interrupt', async () => {
    let interrupted = false;
    const output = collectOutput(({ tokens }) => {
      if (tokens === 5) interrupted = true;
    });
    const result = await clock.run(chatJob('any', 'go'), output, () => interrupted);
    assert.equal(result.usage.outputTokens, 5);
  });

  test('stops while it still reads the prompt', async () => {
    const model = await load('test/reader', { transitions: CLOCK, contextLength: 4_096 });
    let asked = 0;
    const job = chatJob('any', 'x'.repeat(2_000));
    const result = await model.run(job, collectOutput(), () => ++asked > 2);
    assert.equal(result.usage.outputTokens, 0);
    assert.equal(asked, 3);
    await model.dispose();
  });

  test('keeps the conversations of jobs that run at the same time apart', async () => {
    const words = (from: string) => ['1', '2', '3', '4', '5'].map((digit) => piece(`${from}${digit} `));
    const transitions = { ...chain(words('a')), ...chain(words('b')) };
    transitions['<assistant>'] = [
      [piece('a1 '), 10],
      [piece('b1 '), 10],
    ];
    const firstCharacter = { a: [[piece('a1 '), 5]], b: [[piece('b1 '), 5]] } as const;
    const model = await load('test/pair', { transitions, firstCharacter });
    const prompts = ['a', 'b', 'b', 'a'];
    const order: string[] = [];
    const answers = await Promise.all(
      prompts.map(async (prompt, index) => {
        const output = collectOutput(() => order.push(String(index)));
        await model.run(chatJob('any', prompt), output, () => false);
        return output.pieces.join('');
      }),
    );
    assert.deepEqual(
      answers,
      prompts.map((prompt) => [1, 2, 3, 4, 5].map((digit) => `${prompt}${digit} `).join('')),
    );
    assert.notEqual(order.join(''), [...order].sort().join(''), 'the jobs took turns');
    await model.dispose();
  });

  test('speaks to a model without a chat template in a plain transcript', async () => {
    const transitions = { ...chain([piece(' yes')], ':'), ' ': [['!', 5]] } as Transitions;
    const model = await load('test/plain', { transitions, chatTemplate: null });
    const answer = await ask(model, {}, 'ok?');
    assert.equal(answer.text, ' yes');
    assert.equal(answer.usage.inputTokens, 'user: ok?\nassistant:'.length);
    await model.dispose();
  });

  test('[J15] continues the text of a raw request as it stands, template or not', async () => {
    const transitions = { ...chain([piece(' yes')], '?'), '<assistant>': [['!', 5]] } as Transitions;
    const model = await load('test/raw', { transitions });
    const answer = await ask(model, { raw: true }, 'ok?');
    assert.equal(answer.text, ' yes');
    assert.equal(answer.usage.inputTokens, 'ok?'.length);
    const long = ask(model, { raw: true }, 'x'.repeat(10_000));
    await assert.rejects(long, isProblem('context_length_exceeded', /The prompt has 10000 tokens/));
    await model.dispose();
  });

  test('passes the refusal of a chat template on as a problem of the messages', async () => {
    const chatTemplate = "{{ raise_exception('roles must alternate') }}";
    const model = await load('test/strict', { transitions: LETTERS, chatTemplate });
    await assert.rejects(ask(model), isProblem('invalid_value', /roles must alternate/));
    await model.dispose();
  });

  test('refuses to embed with a language model', async () => {
    const job = embedJob('test/letters', ['a']);
    await assert.rejects(
      letters.run(job, collectOutput(), () => false),
      isProblem('invalid_value', /cannot embed/),
    );
  });
});
