import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import { sha256Hex } from '../../relay/receipts/content-hashes.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { runSparewatt } from '../support/command.ts';
import { type BigramOptions, chain, piece, writeBigramModel } from '../support/models/bigram-model.ts';
import type { Pool } from '../support/pool.ts';
import { startTaskPool, type WriteModel } from '../support/task-pool.ts';

const TURNS =
  "{% for m in messages %}{% if m['reasoning_content'] %}<think>{{ m['reasoning_content'] }}</think>{% endif %}" +
  "{{ m['content'] }}<turn>{% endfor %}<assistant>";
/** Thinks unless its template is told not to: what comes after a line end is the answer. */
const SWITCHED: BigramOptions = {
  chatTemplate: `${TURNS}{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}`,
  transitions: {
    ...chain([piece('<think>\nSe'), piece('ven'), piece(' and stop.\n</thi'), piece('nk>\n\n4'), piece('2')]),
    ...chain([piece('4'), piece('3')], piece('\n')),
  },
};
/** Its template begins its thoughts, and knows no switch. */
const PROMPTED: BigramOptions = {
  chatTemplate: `${TURNS}<think>{# </think> #}`,
  transitions: {
    ...chain([piece('Six'), piece('.</think>7')], piece('>')),
    ...chain([piece('8')], piece('\n')),
  },
};
/** Calls as Hermes does, after its thoughts or in the middle of them. */
const calling = (...thoughts: string[]): BigramOptions => ({
  chatTemplate: `${TURNS}{# </think> <tool_call> #}`,
  transitions: chain([...thoughts.map(piece), piece('<tool_call>')]),
});
const written =
  (options: BigramOptions): WriteModel =>
  (root, id) =>
    writeBigramModel(root, id, options);

let pool: Pool;
let client: OpenAI;
before(async () => {
  pool = await startTaskPool({
    'test/switched': written(SWITCHED),
    'test/prompted': written(PROMPTED),
    'test/calls': written(calling('<think>Hm', 'm.</think>')),
    'test/calls-at-once': written(calling('<think>Hm', 'm.')),
  });
  client = pool.client();
});
after(() => pool?.close());

const ASK = { model: 'test/switched', messages: [{ role: 'user' as const, content: 'hi' }], temperature: 0 };
type Thoughtful = { reasoning_content?: string };
const chat = (more: object = {}) =>
  client.chat.completions.create({ ...ASK, ...more } as OpenAI.ChatCompletionCreateParamsNonStreaming);
const said = ({ choices }: OpenAI.ChatCompletion) =>
  choices.map(({ message, finish_reason: reason }) => [
    (message as Thoughtful).reasoning_content,
    message.content,
    reason,
  ]);

test('[CH12] [J18] what a model thinks is told apart from what it answers, and both are signed for', async () => {
  const { data, response } = await client.chat.completions.create(ASK).withResponse();
  assert.deepEqual(said(data), [['Seven and stop.', '42', 'stop']]);
  assert.deepEqual(data.usage?.completion_tokens_details, { reasoning_tokens: 3 });
  assert.equal(data.usage?.completion_tokens, 5);
  const jobId = response.headers.get('x-sparewatt-job') ?? '';
  const receipt = (await (await pool.request(`/v1/jobs/${jobId}/receipt`)).json()) as Receipt;
  assert.equal(receipt.signatures.verdict, 'sound');
  assert.equal(receipt.responseHash, sha256Hex(Buffer.from('\0\0Seven and stop.\0\x0042')));
});

test('[CH12] a stream tells the thoughts first, as they are made', async () => {
  const stream = await client.chat.completions.create({
    ...ASK,
    stream: true,
    stream_options: { include_usage: true },
  });
  const told: [string, string][] = [];
  let usage: OpenAI.CompletionUsage | undefined;
  for await (const { choices, usage: last } of stream) {
    const delta = choices[0]?.delta as Thoughtful & { content?: string };
    if (delta?.reasoning_content) told.push(['thinks', delta.reasoning_content]);
    if (delta?.content) told.push(['says', delta.content]);
    usage = last ?? usage;
  }
  const joined = (how: string) => told.flatMap(([kind, text]) => (kind === how ? [text] : [])).join('');
  assert.deepEqual([joined('thinks'), joined('says')], ['Seven and stop.', '42']);
  assert.match(told.map(([kind]) => kind).join(' '), /^(thinks ?)+( ?says)+$/);
  assert.equal(usage?.completion_tokens_details?.reasoning_tokens, 3);
});

test('[CH12] a model that its template lets think from the first token is read the same', async () => {
  assert.deepEqual(said(await chat({ model: 'test/prompted' })), [['Six.', '7', 'stop']]);
});

test('[CH12] thoughts are those of their choice, end with the tokens, and no stop sequence cuts them', async () => {
  const both = ['Seven and stop.', '42', 'stop'];
  assert.deepEqual(said(await chat({ n: 2 })), [both, both]);
  assert.deepEqual(said(await chat({ stop: 'stop' })), [both]);
  assert.deepEqual(said(await chat({ stop: '2' })), [['Seven and stop.', '4', 'stop']]);
  assert.deepEqual(said(await chat({ max_tokens: 2 })), [['Seven', '', 'length']]);
});

test('[CH12] probabilities are those of the answer’s tokens', async () => {
  const { choices } = await chat({ logprobs: true });
  assert.deepEqual(
    choices[0]?.logprobs?.content?.map(({ token }) => token.trim()),
    ['nk>\n\n4', '2'],
  );
});

for (const model of ['test/switched', 'test/prompted']) {
  test(`[J19] [CH12] ${model} answers at once where it is not to think, or its answer has a form`, async () => {
    const at_once = model === 'test/switched' ? '43' : '8';
    for (const more of [{ reasoning_effort: 'none' }, { structured_outputs: { choice: ['43', '8'] } }]) {
      assert.deepEqual(said(await chat({ model, ...more })), [[undefined, at_once, 'stop']], JSON.stringify(more));
    }
  });
}

test('[CH12] what an assistant thought before is read by its template, beside what it said and called', async () => {
  const call = { id: 'call_1', type: 'function', function: { name: 'now', arguments: '{}' } };
  const turns = [
    [{ role: 'assistant', content: '42' }],
    [
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'noon' },
    ],
  ];
  for (const [said, ...rest] of turns) {
    const asked = async (thoughts?: object) =>
      (await chat({ messages: [...ASK.messages, { ...said, ...thoughts }, ...rest, ...ASK.messages] })).usage;
    const [without, withThem] = [await asked(), await asked({ reasoning_content: 'Hm.' })];
    const more = (withThem?.prompt_tokens ?? 0) - (without?.prompt_tokens ?? 0);
    assert.equal(more, '<think>Hm.</think>'.length);
  }
});

test('[CH12] a raw completion is told as it is', async () => {
  const { choices } = await client.completions.create({ model: 'test/prompted', prompt: '>', temperature: 0 });
  assert.equal(choices[0]?.text, 'Six.</think>7');
});

test('[RE1] a response has its thoughts in an item of their own, whole and in events', async () => {
  const ask = { model: 'test/switched', input: 'hi', temperature: 0 };
  const whole = await client.responses.create(ask);
  const [thought, message] = whole.output;
  assert.deepEqual(thought?.type === 'reasoning' && [thought.content, thought.summary, thought.status], [
    [{ type: 'reasoning_text', text: 'Seven and stop.' }],
    [],
    'completed',
  ]);
  assert.equal(message?.type, 'message');
  assert.equal(whole.output_text, '42');
  assert.equal(whole.usage?.output_tokens_details.reasoning_tokens, 3);

  const events: string[] = [];
  const stream = client.responses.stream(ask);
  for await (const event of stream) {
    if (event.type === 'response.reasoning_text.delta' || event.type === 'response.output_text.delta') {
      events.push(`${event.output_index} ${event.delta}`);
    }
    if (event.type === 'response.reasoning_text.done') events.push(`done: ${event.text}`);
  }
  assert.match(events.join('|'), /^(0 [^|]*\|)+done: Seven and stop\.\|(1 [^|]*\|?)+$/);
  const last = await stream.finalResponse();
  assert.deepEqual(
    last.output.map(({ type }) => type),
    ['reasoning', 'message'],
  );
  assert.equal(last.usage?.output_tokens_details.reasoning_tokens, 3);
});

test('[RE1] what a response thought is given to the next, and a model that is not to think does not', async () => {
  const asked = async (items: OpenAI.Responses.ResponseInput) => {
    const answer = await client.responses.create({ model: 'test/switched', input: items, temperature: 0 });
    return answer.usage?.input_tokens ?? 0;
  };
  const told = { role: 'assistant' as const, content: '42' };
  const thought = {
    ...{ type: 'reasoning' as const, id: 'rs_1', summary: [] },
    content: [{ type: 'reasoning_text' as const, text: 'Hm.' }],
  };
  const hi = { role: 'user' as const, content: 'hi' };
  assert.equal((await asked([hi, thought, told, hi])) - (await asked([hi, told, hi])), '<think>Hm.</think>'.length);
  assert.equal(await asked([hi, told, thought, hi]), await asked([hi, told, hi]));
  const none = await client.responses.create({
    ...{ model: 'test/switched', input: 'hi', temperature: 0 },
    reasoning: { effort: 'none' },
  });
  assert.deepEqual([none.output.length, none.output_text], [1, '43']);
});

test('[ME1] a message has a block of its thoughts when it is asked to think, whole and in events', async () => {
  const anthropic = new Anthropic({ baseURL: pool.relay.url, apiKey: pool.relay.apiKey, maxRetries: 0 });
  const ask = { model: 'test/switched', max_tokens: 64, messages: ASK.messages, temperature: 0 };
  const thinking = { type: 'enabled' as const, budget_tokens: 1024 };
  const blocks = [
    { type: 'thinking', thinking: 'Seven and stop.', signature: '' },
    { type: 'text', text: '42', citations: null },
  ];
  const whole = await anthropic.messages.create({ ...ask, thinking });
  assert.deepEqual(whole.content, blocks);
  const streamed = await anthropic.messages.stream({ ...ask, thinking }).finalMessage();
  assert.deepEqual(streamed.content, blocks);
  const again = await anthropic.messages.create({
    ...{ ...ask, thinking },
    messages: [...ASK.messages, { role: 'assistant', content: whole.content }, ...ASK.messages],
  });
  assert.ok(again.usage.input_tokens > whole.usage.input_tokens + '<think>Seven and stop.</think>'.length);
  const without = await anthropic.messages.create(ask);
  assert.deepEqual(without.content, [{ type: 'text', text: '43', citations: null }]);
});

test('[CH12] the command tells a program what was thought, and prints the answer alone', async () => {
  const env = { SPAREWATT_RELAY: pool.relay.url, SPAREWATT_API_KEY: pool.relay.apiKey };
  const asked = ['chat', 'hi', '--model', 'test/switched'];
  assert.equal((await runSparewatt(asked, { env })).stdout, '42\n');
  const { text, reasoning } = JSON.parse((await runSparewatt([...asked, '--json'], { env })).stdout);
  assert.deepEqual([text, reasoning], ['42', 'Seven and stop.']);
  const cut = await runSparewatt([...asked, '--max-tokens', '2'], { env });
  assert.equal(cut.stdout, '\n');
  assert.match(cut.stderr, /still thinking.*Raise --max-tokens/);
});

test('[CH12] the prompt of a model that thinks is counted as it will be read', async () => {
  const count = async (more: object) => {
    const body = { model: 'test/prompted', input: 'hi', ...more };
    const answer = await client.post<{ input_tokens: number }>('/responses/input_tokens', { body });
    return answer.input_tokens;
  };
  const text = { format: { type: 'json_object' } };
  assert.equal((await count({ text })) - (await count({})), '\n\n</think>\n\n'.length);
});

for (const model of ['test/calls', 'test/calls-at-once']) {
  test(`[CH12] ${model} calls a tool after what it thought, whole and in a stream`, async () => {
    const parameters = { type: 'object', properties: { n: { enum: [7] } }, required: ['n'] };
    const tools = [{ type: 'function' as const, function: { name: 'f', parameters, strict: true } }];
    const ask = { ...ASK, model, tools, max_tokens: 60, parallel_tool_calls: false };
    const whole = await client.chat.completions.create(ask);
    const streamed = await client.chat.completions.stream(ask).finalChatCompletion();
    assert.equal((whole.choices[0]?.message as Thoughtful | undefined)?.reasoning_content, 'Hmm.');
    for (const { choices } of [whole, streamed]) {
      const [{ message, finish_reason: reason } = assert.fail()] = choices;
      assert.deepEqual([message.content ?? '', reason], ['', 'tool_calls']);
      const [call] = message.tool_calls ?? [];
      assert.ok(call?.type === 'function');
      assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['f', { n: 7 }]);
    }
  });
}

test('[J18] node and relay agree on what was thought and said, however the answer ends', async () => {
  const tools = [{ type: 'function', function: { name: 'f' } }];
  const asked = [
    { max_tokens: 2 },
    { n: 2 },
    { stream: true },
    { stream: true, max_tokens: 2 },
    { reasoning_effort: 'none' },
  ];
  for (const more of [...asked, { model: 'test/calls', tools, max_tokens: 40 }]) {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ ...ASK, ...more });
    const answer = await pool.request('/v1/chat/completions', { method: 'POST', headers, body });
    assert.equal(answer.status, 200, await answer.text());
    const receipt = await pool.request(`/v1/jobs/${answer.headers.get('x-sparewatt-job')}/receipt`);
    const { signatures } = (await receipt.json()) as Receipt;
    assert.equal(signatures.verdict, 'sound', JSON.stringify(more));
  }
});
