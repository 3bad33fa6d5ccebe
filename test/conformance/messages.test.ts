import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import {
  ANSWER_SCHEMA,
  ASK,
  assertRefused,
  SUM,
  startAnthropicPool,
  TOOLS,
  USER,
  WEATHER,
} from '../support/anthropic-pool.ts';
import { DEMO_CHAT } from '../support/demo-pool.ts';

const pool = await startAnthropicPool();
after(() => pool.close());
const { post, lastInput } = pool;
const client = pool.newClient();

test('[AN1] [ME1] answers a text, with its usage and the headers of its job', async () => {
  const { data, response, request_id: requestId } = await client.messages.create(ASK).withResponse();
  assert.equal(requestId, response.headers.get('x-request-id'));
  assert.deepEqual(data, {
    id: `msg_${response.headers.get('x-sparewatt-job')}`,
    type: 'message',
    role: 'assistant',
    model: DEMO_CHAT,
    content: [{ type: 'text', text: '42', citations: null }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 13, output_tokens: 2, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  });
  const receipt = await pool.request(`/v1/receipts/${response.headers.get('x-sparewatt-receipt')}`);
  assert.equal(receipt.status, 200);
});

test('[ME1] reads a system text and blocks of text, and what was answered before', async () => {
  const content = ['What is the capital', ' of France?'].map((text) => ({ type: 'text' as const, text }));
  for (const system of ['Answer in capitals.', [{ type: 'text' as const, text: 'Answer in capitals.' }]]) {
    const shouted = await client.messages.create({ ...ASK, system, messages: [{ role: 'user', content }] });
    assert.deepEqual(shouted.content, [{ type: 'text', text: 'PARIS.', citations: null }]);
  }
  const first: Anthropic.MessageParam[] = [{ role: 'user', content: 'My name is Ada.' }];
  const { role, content: said } = await client.messages.create({ ...ASK, messages: first });
  const next = [...first, { role, content: said }, { role: 'user' as const, content: 'What is my name?' }];
  const answer = await client.messages.create({ ...ASK, messages: next });
  assert.equal(answer.content[0]?.type === 'text' && answer.content[0].text, 'Your name is Ada.');
});

test('[ME1] calls a tool and reads what it gave, beside thoughts of a model elsewhere', async () => {
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'What is the weather in Oslo?' }];
  const made = await client.messages.create({ ...ASK, messages, tools: [WEATHER] });
  const [call] = made.content;
  assert.ok(call?.type === 'tool_use');
  assert.deepEqual([call.name, call.input, made.stop_reason], ['get_weather', { city: 'Oslo' }, 'tool_use']);
  assert.match(call.id, /^toolu_/);
  const thought = { type: 'thinking' as const, thinking: 'Hm.', signature: 'x' };
  const told = { type: 'tool_result' as const, tool_use_id: call.id, content: 'rain' };
  const answer = await client.messages.create({
    ...ASK,
    messages: [...messages, { role: 'assistant', content: [thought, call] }, { role: 'user', content: [told] }],
    tools: [WEATHER],
  });
  assert.equal(answer.content[0]?.type === 'text' && answer.content[0].text, 'The weather in Oslo is rain.');
});

test('[ME1] gives a node one message for what was said and called in one turn, and one for each thing that a tool gave', async () => {
  const call = (id: string) => ({ type: 'tool_use' as const, id, name: 'now', input: { zone: 'UTC' } });
  const text = (words: string) => ({ type: 'text' as const, text: words });
  await client.messages.create({
    model: 'test/now',
    max_tokens: 9,
    system: [text('Be kind.'), text('Be brief.')],
    messages: [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: [text('Let me see.'), call('toolu_1'), call('toolu_2')] },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: [text('no'), text('on')] },
          { type: 'tool_result', tool_use_id: 'toolu_2', content: 'no clock', is_error: true },
          text('And now?'),
        ],
      },
      { role: 'system', content: 'It is late.' },
    ],
    tools: TOOLS,
    tool_choice: { type: 'tool', name: 'now', disable_parallel_tool_use: true },
    ...{ temperature: 0.5, top_p: 0.9, top_k: 7 },
    metadata: { user_id: 'u' },
  });
  assert.deepEqual(lastInput(), {
    maxTokens: 9,
    messages: [
      { role: 'system', content: 'Be kind.\n\nBe brief.' },
      { role: 'user', content: 'x' },
      {
        role: 'assistant',
        content: 'Let me see.',
        toolCalls: ['toolu_1', 'toolu_2'].map((id) => ({ id, name: 'now', arguments: '{"zone":"UTC"}' })),
      },
      { role: 'tool', content: 'noon', toolCallId: 'toolu_1' },
      { role: 'tool', content: 'Error: no clock', toolCallId: 'toolu_2' },
      { role: 'user', content: 'And now?' },
      { role: 'system', content: 'It is late.' },
    ],
    parallelToolCalls: false,
    reasoning: false,
    seed: null,
    stop: [],
    temperature: 0.5,
    toolChoice: { name: 'now' },
    tools: TOOLS.map(({ name, input_schema: parameters }) => ({ name, parameters })),
    topK: 7,
    topP: 0.9,
  });
});

test('[ME1] asks for any tool, for none, and for an end at the stop sequences', async () => {
  const cases: [Anthropic.ToolChoice, unknown][] = [
    [{ type: 'auto' }, undefined],
    [{ type: 'any' }, 'required'],
    [{ type: 'none' }, 'none'],
  ];
  for (const [choice, told] of cases) {
    await post({ model: 'test/now', tools: TOOLS, tool_choice: choice });
    assert.equal(lastInput().toolChoice, told, choice.type);
  }
  const stopped = { ...ASK, stop_sequences: ['x', '2'] };
  const whole = await client.messages.create(stopped);
  for (const message of [whole, await client.messages.stream(stopped).finalMessage()]) {
    assert.deepEqual(message.content, [{ type: 'text', text: '4', citations: null }]);
    assert.deepEqual([message.stop_reason, message.stop_sequence], ['stop_sequence', '2']);
  }
});

test('[J7] believes no node that names a stop sequence which was not asked for', async () => {
  const answer = (await (await post({ model: 'test/uncounted', stop_sequences: ['x'] })).json()) as Anthropic.Message;
  assert.deepEqual([answer.stop_reason, answer.stop_sequence], ['end_turn', null]);
});

test('[ME1] answers in the form that output_config.format names, whole and in events', async () => {
  const asked = { ...ASK, output_config: { format: { type: 'json_schema' as const, schema: ANSWER_SCHEMA } } };
  for (const message of [await client.messages.parse(asked), await client.messages.stream(asked).finalMessage()]) {
    assert.equal(message.content[0]?.type === 'text' && message.content[0].text, '{"answer":42}');
  }
});

test('[ME1] says that an answer was cut, whole and in events, also in the middle of a call', async () => {
  const cut = { ...ASK, messages: [{ role: 'user' as const, content: 'Tell me a story.' }], max_tokens: 3 };
  const called = { ...ASK, model: 'test/long', tools: TOOLS };
  for (const asked of [cut, called]) {
    const whole = await client.messages.create(asked);
    const streamed = await client.messages.stream(asked).finalMessage();
    assert.deepEqual([whole.stop_reason, streamed.stop_reason], ['max_tokens', 'max_tokens']);
    assert.deepEqual(
      whole.content.map(({ type }) => type),
      streamed.content.map(({ type }) => type),
    );
  }
});

test('[ME1] takes a message in which nothing is said, or only thought', async () => {
  const thought = { type: 'thinking', thinking: 'Hm.', signature: 'x' };
  const answer = await post({
    model: 'test/silent',
    messages: [USER, { role: 'assistant', content: [thought] }, { role: 'user', content: [] }],
  });
  assert.equal(answer.status, 200);
  assert.deepEqual(lastInput().messages, [
    USER,
    { role: 'assistant', content: '', reasoning: 'Hm.' },
    { role: 'user', content: '' },
  ]);
});

test('[ME1] gives a model the numbers that its tools were called with to the last digit', async () => {
  const written = '{"id":12345678901234567891,"at":{"x":[-98765432109876543210,7,0.5]},"s":"12345678901234567891"}';
  const body = JSON.stringify({
    ...ASK,
    model: 'test/silent',
    messages: [
      USER,
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'now', input: 'WRITTEN' }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'noon' }] },
    ],
  });
  const send = (input: string, before = '') =>
    pool.request('/v1/messages', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: before + body.replace('"WRITTEN"', input),
    });
  for (const before of ['', '\ufeff']) {
    assert.equal((await send(written, before)).status, 200);
    assert.equal(lastInput().messages[1]?.toolCalls?.[0]?.arguments, written);
  }
  // A number is no object, however long.
  const refused = await send('12345678901234567891');
  await assertRefused(refused, { code: 'invalid_value', param: 'messages.1.content.0.input' });
});

test('[AN1] [ME4] counts the tokens of a prompt as its answer does, with its tools, whatever the answer has to look like', async () => {
  const tools = [WEATHER];
  const output_config = { format: { type: 'json_schema' as const, schema: ANSWER_SCHEMA } };
  const prompts: Anthropic.MessageCountTokensParams[] = [
    { model: DEMO_CHAT, messages: SUM, system: 'Be kind.' },
    { model: DEMO_CHAT, messages: SUM, tools },
    { model: DEMO_CHAT, messages: SUM, tools, tool_choice: { type: 'none' } },
    { model: DEMO_CHAT, messages: SUM, tools, tool_choice: { type: 'any', disable_parallel_tool_use: true } },
    { model: DEMO_CHAT, messages: SUM, output_config },
  ];
  const counts: number[] = [];
  for (const prompt of prompts) {
    const { usage } = await client.messages.create({ ...prompt, max_tokens: 64 });
    const { data, response } = await client.messages.countTokens(prompt).withResponse();
    const known = usage.cache_read_input_tokens ?? 0;
    assert.deepEqual(data, { input_tokens: usage.input_tokens + known });
    assert.ok((await pool.request(`/v1/receipts/${response.headers.get('x-sparewatt-receipt')}`)).ok);
    counts.push(data.input_tokens);
  }
  const [system = 0, offered = 0, none = 0] = counts;
  assert.ok(none < system && system < offered, counts.join());
});

test('[ME4] has a node make one token for a count, in no form, and believes none that tells of nothing read', async () => {
  const path = '/v1/messages/count_tokens';
  const tools = TOOLS;
  const tool_choice = { type: 'any', disable_parallel_tool_use: true };
  await post({ model: 'test/now', tools, tool_choice, output_config: { effort: 'low' } }, path);
  const { maxTokens, toolChoice, parallelToolCalls, tools: offered } = lastInput();
  assert.deepEqual([maxTokens, toolChoice, parallelToolCalls, offered?.length], [1, undefined, undefined, 2]);
  await assertRefused(await post({ model: 'test/uncounted' }, path), {
    code: 'node_fault',
    message: /how many tokens/,
  });
});

test('[ME4] says that a prompt cannot be counted of which no model is known, or which is too long for its own', async () => {
  const path = '/v1/messages/count_tokens';
  const messages = [{ role: 'user', content: 'word '.repeat(2_000) }];
  await assertRefused(await post({ model: 'nope' }, path), { code: 'model_not_found', param: 'model' });
  const told = { code: 'context_length_exceeded', message: /have 2\d{3} tokens/ } as const;
  await assertRefused(await post({ messages }, path), told);
});
