/** What models of several families are told, and how what they think is read: marks, switches and calls as their templates have them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import { type BigramOptions, chain, piece, writeBigramModel } from '../support/models/bigram-model.ts';
import type { Pool } from '../support/pool.ts';
import { startTaskPool, type WriteModel } from '../support/task-pool.ts';

const MESSAGES = "{% for m in messages %}{{ m['content'] }}<turn>{% endfor %}<assistant>";
/** Says in its prompt what it is told of how to think. */
const TOLD: BigramOptions = {
  chatTemplate: `${MESSAGES}{% if enable_thinking is defined %}{{ 'on ' if enable_thinking else 'off ' }}{% endif %}{{ reasoning_effort }}{# </think> #}`,
  transitions: chain([piece('42')]),
};
/** Reads what was thought before as LFM2.5 does. */
const RECALLS: BigramOptions = {
  chatTemplate: "{% for m in messages %}{{ m['thinking'] }}{{ m['content'] }}<turn>{% endfor %}<assistant>",
  transitions: chain([piece('42')]),
};
/** Thinks when it is told to, and not by itself, as Gemma 4 does; its marks are tokens that are no text. */
const ASKED: BigramOptions = {
  chatTemplate: `{% for m in messages %}{{ m['content'] }}<turn>{% endfor %}{{ '<assistant>' if enable_thinking else '<turn>' }}{# <channel|> #}`,
  marks: ['<|channel>', '<channel|>'],
  transitions: {
    ...chain(['<|channel>', piece('thought\n'), piece('Hmm.'), '<channel|>', piece('42')]),
    ...chain([piece('43')], '<turn>'),
  },
};
const [THINKS, CLOSES, SAYS] = [
  '<|channel|>analysis<|message|>',
  '<|end|><|start|>assistant',
  '<|channel|>final<|message|>',
];
/** Tells thoughts and answer to channels, as gpt-oss does, in fewer tokens. */
const CHANNELS: BigramOptions = {
  chatTemplate: `${MESSAGES}{# ${THINKS} <|call|> #}`,
  marks: [THINKS, CLOSES, SAYS],
  transitions: {
    ...chain([THINKS, piece('Hmm'), piece('.'), CLOSES, SAYS, piece('42')]),
  },
};
/** Thinks before words that look like a call where calls have no mark. */
const unmarked = (...said: string[]): BigramOptions => ({
  chatTemplate: `${MESSAGES}<think>{# </think> #}`,
  transitions: chain([piece('{Hmm'), piece('.'), piece('</think>'), ...said.map(piece)], '>'),
});
const written =
  (options: BigramOptions): WriteModel =>
  (root, id) =>
    writeBigramModel(root, id, options);

let pool: Pool;
let client: OpenAI;
before(async () => {
  pool = await startTaskPool({
    'test/told': written(TOLD),
    'test/recalls': written(RECALLS),
    'test/asked': written(ASKED),
    'test/channels': written(CHANNELS),
    'test/json': written(unmarked('\n\n', 'It is ', '{"answer": 42}')),
    'test/caller': written(unmarked('\n\n', '{"name":"', 'f","arguments":{}}')),
    'test/run-on': written({ ...unmarked(), transitions: chain([piece('Hmm.</think>{"answer": 42}')], '>') }),
  });
  client = pool.client();
});
after(() => pool?.close());

const ASK = { messages: [{ role: 'user' as const, content: 'hi' }], temperature: 0 };
const chat = (model: string, more: object = {}) =>
  client.chat.completions.create({ ...ASK, model, ...more } as OpenAI.ChatCompletionCreateParamsNonStreaming);
const said = ({ choices }: OpenAI.ChatCompletion) =>
  choices.map(({ message, finish_reason: reason }) => [
    (message as { reasoning_content?: string }).reasoning_content,
    message.content,
    reason,
  ]);
const TOOLS = [{ type: 'function', function: { name: 'f' } }];

test('[J19] [CH12] how hard a model is to think is told to its template', async () => {
  const asked = async (more: object) => (await chat('test/told', more)).usage?.prompt_tokens ?? 0;
  const without = await asked({});
  for (const [effort, told] of [
    ['minimal', 'on low'],
    ['low', 'on low'],
    ['high', 'on high'],
    ['xhigh', 'on high'],
    ['none', 'off '],
  ] as const) {
    assert.equal((await asked({ reasoning_effort: effort })) - without, told.length, effort);
  }
  const anthropic = new Anthropic({ baseURL: pool.relay.url, apiKey: pool.relay.apiKey, maxRetries: 0 });
  const message = { model: 'test/told', max_tokens: 64, messages: ASK.messages };
  const thinking = { type: 'enabled' as const, budget_tokens: 1024 };
  const told = async (more: object) => (await anthropic.messages.create({ ...message, ...more })).usage.input_tokens;
  assert.equal((await told({ thinking })) - without, 'on medium'.length);
  assert.equal((await told({ thinking, output_config: { effort: 'low' } })) - without, 'on low'.length);
  assert.equal((await told({})) - without, 'off '.length);
});

/** What is told to the template of `test/told` beside the messages, and which parameters have no effect, for what is said so. */
async function assertTold(cases: readonly [body: object, told: string, ignored: string | null][]): Promise<void> {
  const asked = async (body: object) => {
    const { data, response } = await client.chat.completions
      .create({ ...ASK, model: 'test/told', ...body })
      .withResponse();
    return [data.usage?.prompt_tokens ?? 0, response.headers.get('x-sparewatt-ignored-params')] as const;
  };
  const [without] = await asked({});
  for (const [body, told, ignored] of cases) {
    assert.deepEqual(await asked(body), [without + told.length, ignored], JSON.stringify(body));
  }
}

test('[J19] [CH12] whether a model is to think may be said as to vLLM, and what else is said so has no effect', async () => {
  const ignored = 'chat_template_kwargs.enable_thinking, chat_template_kwargs.tools';
  await assertTold([
    [{ chat_template_kwargs: { enable_thinking: false } }, 'off ', null],
    [{ chat_template_kwargs: { thinking: true } }, 'on medium', null],
    [{ chat_template_kwargs: { reasoning_effort: 'high', enable_thinking: null } }, 'on high', null],
    [{ chat_template_kwargs: { enable_thinking: true }, reasoning_effort: 'none' }, 'off ', null],
    [{ chat_template_kwargs: { enable_thinking: 'no', tools: [] } }, '', ignored],
  ]);
});

test('[J19] [CH12] how a model is to think may be said as to OpenRouter, and what else is said so has no effect', () =>
  assertTold([
    [{ reasoning: { effort: 'high' } }, 'on high', null],
    [{ reasoning: { effort: 'none', enabled: true } }, 'off ', null],
    [{ reasoning: { effort: 'high' }, reasoning_effort: 'low' }, 'on low', null],
    [{ reasoning: { enabled: false }, chat_template_kwargs: { enable_thinking: true } }, 'off ', null],
    [{ reasoning: { enabled: true } }, 'on medium', null],
    [{ reasoning: { max_tokens: 2_000 } }, 'on medium', 'reasoning.max_tokens'],
    [{ reasoning: { effort: 'turbo', exclude: true } }, '', 'reasoning.effort, reasoning.exclude'],
  ]));

test('[CH18] an effort that nobody knows has no effect, and it is said', async () => {
  const ask = { ...ASK, model: 'test/told', reasoning_effort: 'turbo' as 'low' };
  const { response } = await client.chat.completions.create(ask).withResponse();
  assert.equal(response.headers.get('x-sparewatt-ignored-params'), 'reasoning_effort');
});

test('[J19] [CH12] a model that does not think by itself does when it is asked to', async () => {
  assert.deepEqual(said(await chat('test/asked', { reasoning_effort: 'high' })), [['Hmm.', '42', 'stop']]);
  for (const more of [{}, { reasoning_effort: 'none' }]) {
    assert.deepEqual(said(await chat('test/asked', more)), [[undefined, '43', 'stop']]);
  }
});

test('[CH12] what an assistant thought before is read also where a template has another name for it', async () => {
  const asked = async (more: object) => {
    const messages = [...ASK.messages, { role: 'assistant', content: '42', ...more }, ...ASK.messages];
    return (await chat('test/recalls', { messages })).usage?.prompt_tokens ?? 0;
  };
  assert.equal((await asked({ reasoning_content: 'Hm.' })) - (await asked({})), 'Hm.'.length);
});

test('[CH12] [J18] thoughts and answer are told by their channels', async () => {
  assert.deepEqual(said(await chat('test/channels')), [['Hmm.', '42', 'stop']]);
  assert.deepEqual(said(await chat('test/channels', { max_tokens: 2 })), [['Hmm', '', 'length']]);
  for (const more of [{ reasoning_effort: 'none' }, { structured_outputs: { choice: ['42'] } }, { tools: TOOLS }]) {
    assert.deepEqual(said(await chat('test/channels', more)), [[undefined, '42', 'stop']], JSON.stringify(more));
  }
});

test('[CH12] an answer after thoughts is a call only where it was held to one', async () => {
  const answered = { 'test/json': 'It is {"answer": 42}', 'test/run-on': '{"answer": 42}' };
  for (const [model, content] of Object.entries(answered)) {
    const thoughts = model === 'test/json' ? '{Hmm.' : 'Hmm.';
    assert.deepEqual(said(await chat(model, { tools: TOOLS, max_tokens: 60 })), [[thoughts, content, 'stop']]);
  }
  const { choices } = await chat('test/caller', { tools: TOOLS, max_tokens: 60 });
  const [{ message, finish_reason: reason } = assert.fail()] = choices;
  const [call] = message.tool_calls ?? [];
  assert.ok(call?.type === 'function');
  assert.deepEqual([message.content, reason, call.function], [null, 'tool_calls', { name: 'f', arguments: '{}' }]);
});
