import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { Value } from 'typebox/value';
import { AnthropicError, type MessageObject } from '../../shared/api/messages.ts';
import type { ChatInput } from '../../shared/protocol/messages.ts';
import { DEMO_CHAT, startDemoPool } from '../support/demo-pool.ts';
import { assertAnthropicError, readError } from '../support/error-answers.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { createScriptedRuntime } from '../support/scripted-runtime.ts';

const pool = await startDemoPool();
after(() => pool.close());
await pool.addNode();
const scripted = createScriptedRuntime({
  'test/silent': () => 'stop',
  'test/now': (_job, output) => {
    output.toolCall({ index: 0, name: 'now', arguments: '{}', tokens: 4 });
    return 'tool_calls';
  },
  'test/long': (_job, output) => {
    output.text('begun', 1);
    output.toolCall({ index: 0, name: 'add', arguments: '{"a":', tokens: 4 });
    return 'length';
  },
  'test/broken-call': (_job, output) => {
    output.toolCall({ index: 0, name: 'add', arguments: '[1]', tokens: 4 });
    return 'tool_calls';
  },
  'test/caller': (_job, output) => {
    output.text('Let me ', 2);
    output.text('see. ', 1);
    output.toolCall({ index: 0, name: 'add', arguments: '', tokens: 4 });
    output.toolCall({ index: 0, arguments: '{"a":', tokens: 2 });
    output.toolCall({ index: 0, arguments: '1}', tokens: 2 });
    output.toolCall({ index: 1, name: 'now', arguments: '', tokens: 4 });
    return 'tool_calls';
  },
});
await pool.addNode({ name: 'scripted', runtime: scripted });

const newClient = (options: ConstructorParameters<typeof Anthropic>[0] = {}): Anthropic =>
  new Anthropic({ baseURL: pool.relay.url, apiKey: pool.relay.apiKey, authToken: null, maxRetries: 0, ...options });
const client = newClient();
const SUM: Anthropic.MessageParam[] = [{ role: 'user', content: 'What is 17 + 25?' }];
const ASK = { model: DEMO_CHAT, max_tokens: 64, messages: SUM };
const WEATHER = {
  name: 'get_weather',
  description: 'The weather of a city',
  input_schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};
const TOOLS = ['add', 'now'].map((name) => ({ name, input_schema: { type: 'object' as const } }));
const ANSWER_SCHEMA = {
  type: 'object',
  properties: { answer: { type: 'integer' } },
  required: ['answer'],
  additionalProperties: false,
};

function post(body: object, path = '/v1/messages', headers: Record<string, string> = {}): Promise<Response> {
  const asked = { ...ASK, ...body };
  const sent = { 'content-type': 'application/json', ...headers };
  return pool.request(path, { method: 'POST', headers: sent, body: JSON.stringify(asked) });
}

type Event = { type: string } & Record<string, unknown>;

async function eventsOf(body: object): Promise<Event[]> {
  const response = await post({ ...body, stream: true });
  assert.equal(response.headers.get('request-id'), response.headers.get('x-request-id'));
  const blocks = (await response.text()).split('\n\n');
  assert.equal(blocks.pop(), '');
  return blocks.map((block) => {
    const [, name, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
    const event = JSON.parse(data) as Event;
    assert.equal(event.type, name);
    return event;
  });
}

type Expected = Parameters<typeof assertAnthropicError>[1];

async function assertRefused(response: Response, expected: Expected): Promise<void> {
  assertAnthropicError(await readError(response), expected);
}

function lastInput(): ChatInput {
  const asked = scripted.asked.at(-1);
  assert.ok(asked?.type === 'llm');
  return asked.input;
}

test('[ME1] answers a text, with its usage and the headers of its job', async () => {
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
  const counted = await client.messages.create({ ...ASK, stop_sequences: ['2'] });
  assert.deepEqual(counted.content, [{ type: 'text', text: '4', citations: null }]);
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

test("[ME2] streams words and calls as Anthropic's events, each block stopped before the next is started", async () => {
  const events = await eventsOf({ model: 'test/caller', tools: TOOLS });
  const names = events.map(({ type }) => type.replace('content_block_', ''));
  assert.deepEqual(
    names.filter((name, at) => name !== names[at - 1]),
    [
      'message_start',
      'start',
      'delta',
      'stop',
      'start',
      'delta',
      'stop',
      'start',
      'stop',
      'message_delta',
      'message_stop',
    ],
  );
  const deltas = ['', '', ''];
  const blocks: unknown[] = [];
  for (const event of events) {
    const {
      index,
      delta,
      content_block: block,
    } = event as unknown as Anthropic.ContentBlockDeltaEvent & {
      content_block?: { type: string; name?: string; input?: unknown };
    };
    if (event.type === 'content_block_start') blocks.push([index, block?.type, block?.name, block?.input]);
    if (event.type !== 'content_block_delta') continue;
    if (delta.type === 'text_delta') deltas[index] += delta.text;
    if (delta.type === 'input_json_delta') deltas[index] += delta.partial_json;
  }
  assert.deepEqual(deltas, ['Let me see. ', '{"a":1}', '']);
  assert.deepEqual(blocks, [
    [0, 'text', undefined, undefined],
    [1, 'tool_use', 'add', {}],
    [2, 'tool_use', 'now', {}],
  ]);
  const { message } = events[0] as unknown as { message: MessageObject };
  assert.deepEqual([message.content, message.stop_reason, message.usage.input_tokens], [[], null, 0]);
  assert.deepEqual(events.at(-2), {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { input_tokens: 1, output_tokens: 3, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  });
});

test('[ME2] gives the official client the same message in events as whole, also where nothing was said', async () => {
  for (const asked of [ASK, { ...ASK, model: 'test/silent' }, { ...ASK, model: 'test/caller', tools: TOOLS }]) {
    const whole = await client.messages.create(asked);
    const final = await client.messages.stream(asked).finalMessage();
    const told = ({ content, stop_reason: reason, usage }: Anthropic.Message) => [
      content.map((block) => ('id' in block ? { ...block, id: '' } : block)),
      reason,
      usage,
    ];
    assert.deepEqual(told(final), told(whole));
    assert.ok(whole.content.length > 0);
  }
});

test('[ME3] ends a stream that failed with an error event, and a message that has not begun with a status', async () => {
  for (const [asked, message] of [
    [{ model: 'test/breaking' }, 'The synthetic model broke.'],
    [
      { model: 'test/broken-call', tools: TOOLS },
      "The node's answer calls a tool with what is no JSON object. Try again.",
    ],
  ] as const) {
    const events = await eventsOf(asked);
    const last = events.at(-1);
    assert.ok(Value.Check(AnthropicError, last));
    assert.deepEqual(last.error, { type: 'api_error', message, details: { error_code: 'node_fault', param: null } });
    assert.equal(events.filter(({ type }) => type === 'message_stop' || type === 'message_delta').length, 0);
    const thrown = await client.messages
      .stream({ ...ASK, ...asked, tools: TOOLS })
      .finalMessage()
      .catch((error: unknown) => error);
    assert.ok(thrown instanceof Anthropic.APIError);
    assert.deepEqual([thrown.type, thrown.errorCode], ['api_error', 'node_fault']);
  }
  const content = 'word '.repeat(2_000);
  const asked = { ...ASK, messages: [{ role: 'user' as const, content }], stream: true as const };
  const error = await client.messages.create(asked).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Anthropic.BadRequestError);
  // Claude Code shortens a conversation when it reads this.
  assert.match(error.message, /prompt is too long/);
  assert.deepEqual([error.errorCode, error.type], ['context_length_exceeded', 'invalid_request_error']);
});

test('[ME3] passes on no call that is none, and takes its answer for a fault of the node', async () => {
  await assertRefused(await post({ model: 'test/broken-call', tools: TOOLS }), {
    code: 'node_fault',
    type: 'api_error',
  });
});

test('[ME4] counts the tokens of a prompt as its answer does, with its tools, whatever the answer has to look like', async () => {
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
    assert.deepEqual(data, { input_tokens: usage.input_tokens });
    assert.ok((await pool.request(`/v1/receipts/${response.headers.get('x-sparewatt-receipt')}`)).ok);
    counts.push(data.input_tokens);
  }
  const [system = 0, offered = 0, none = 0] = counts;
  assert.ok(none < system && system < offered, counts.join());
});

test('[ME4] says that a prompt cannot be counted of which no model is known, or which is too long for its own', async () => {
  const path = '/v1/messages/count_tokens';
  const messages = [{ role: 'user', content: 'word '.repeat(2_000) }];
  await assertRefused(await post({ model: 'nope' }, path), { code: 'model_not_found', param: 'model' });
  const told = { code: 'context_length_exceeded', message: /have 2\d{3} tokens/ } as const;
  await assertRefused(await post({ messages }, path), told);
});

test('[ME5] refuses what no model here does, with what to do', async () => {
  const cases: [object, string, RegExp][] = [
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, 'thinking', /Leave thinking out/],
    [{ mcp_servers: [{ type: 'url', name: 'x', url: 'https://x.example' }] }, 'mcp_servers', /as tools/],
    [{ container: 'x' }, 'container', /Leave it out/],
    [{ output_format: { type: 'json_schema', schema: {} } }, 'output_format', /output_config\.format/],
    [
      { tools: [WEATHER, { type: 'web_search_20250305', name: 'web_search' }] },
      'tools.1.type',
      /"web_search_20250305"/,
    ],
    [{ output_config: { format: { type: 'xml' } } }, 'output_config.format.type', /json_schema/],
  ];
  for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
    for (const [part, param, message] of cases) {
      await assertRefused(await post(part, path), { code: 'unsupported_parameter', param, message });
    }
  }
  const nothing = { thinking: { type: 'disabled' }, mcp_servers: [], container: null, output_format: null };
  const response = await post(nothing);
  assert.deepEqual([response.status, response.headers.get('x-sparewatt-ignored-params')], [200, 'thinking']);
});

const USER = { role: 'user', content: 'x' };
const CALL = { type: 'tool_use', id: 'toolu_1', name: 'now', input: {} };
const PICTURE = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
const said = (...content: object[]) => ({ messages: [{ role: 'user', content }] });

test('[X03] calls what is wrong by its name on these routes', async () => {
  const cases: [object, Expected][] = [
    [{ max_tokens: undefined }, { code: 'missing_required_parameter', param: 'max_tokens' }],
    [{ max_tokens: 0 }, { code: 'invalid_value', param: 'max_tokens' }],
    [{ messages: [] }, { code: 'invalid_value', param: 'messages' }],
    [{ messages: [{ role: 'bot', content: 'x' }] }, { code: 'invalid_value', param: 'messages.0.role' }],
    [{ messages: [{ role: 'user' }] }, { code: 'missing_required_parameter', param: 'messages.0.content' }],
    [{ stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, { code: 'invalid_value', param: 'stop_sequences' }],
    [
      { messages: [USER, { role: 'assistant', content: 'y' }] },
      { code: 'invalid_value', param: 'messages.1.role', message: /last message/ },
    ],
    [said({ type: 'text' }), { code: 'missing_required_parameter', param: 'messages.0.content.0.text' }],
    [said({ type: 'document' }), { code: 'unsupported_content', param: 'messages.0.content.0', message: /"document"/ }],
    [said(CALL), { code: 'invalid_value', param: 'messages.0.content.0.type', message: /"assistant"/ }],
    [said({ type: 'tool_result' }), { code: 'missing_required_parameter', param: 'messages.0.content.0.tool_use_id' }],
    [
      { system: 'x', ...said({ type: 'text', text: 'x' }, { type: 'tool_result', tool_use_id: 'toolu_9' }) },
      { code: 'invalid_value', param: 'messages.0.content.1.tool_use_id' },
    ],
    [
      { messages: [USER, { role: 'assistant', content: [{ ...CALL, input: undefined }] }, USER] },
      { code: 'missing_required_parameter', param: 'messages.1.content.0.input' },
    ],
    [
      { messages: [USER, { role: 'assistant', content: [{ ...CALL, input: [1] }] }, USER] },
      { code: 'invalid_value', param: 'messages.1.content.0.input' },
    ],
    [
      { messages: [USER, { role: 'assistant', content: [PICTURE] }, USER] },
      { code: 'unsupported_content', param: 'messages.1.content.0' },
    ],
    [
      {
        messages: [
          USER,
          { role: 'assistant', content: [CALL] },
          {
            role: 'user',
            content: [{ type: 'tool_result', tool_use_id: 'toolu_1', is_error: true, content: [PICTURE] }],
          },
        ],
      },
      { code: 'unsupported_content', param: 'messages.2.content.0.content.0', message: /Only a user/ },
    ],
    [
      said({ type: 'thinking', thinking: '' }, { type: 'text', text: 'x' }, PICTURE),
      { code: 'unsupported_content', param: 'messages.0.content.2', message: /reads text only/ },
    ],
    [said({ type: 'image' }), { code: 'missing_required_parameter', param: 'messages.0.content.0.source' }],
    [
      said({ type: 'image', source: { type: 'file', file_id: 'x' } }),
      { code: 'unsupported_content', param: 'messages.0.content.0.source' },
    ],
    [
      { tools: [{ description: 'x' }] },
      { code: 'missing_required_parameter', param: 'tools.0.name', message: /'tools\.0\.name'/ },
    ],
    [{ tools: [{ ...WEATHER, name: 'a b' }] }, { code: 'invalid_value', param: 'tools.0.name' }],
    [
      { tools: [{ ...WEATHER, strict: true, input_schema: { type: 'object', not: {} } }] },
      { code: 'unsupported_parameter', param: 'tools.get_weather.input_schema.not' },
    ],
    [
      { tools: [WEATHER], tool_choice: { type: 'some' } },
      { code: 'invalid_value', param: 'tool_choice.type' },
    ],
    [
      { tools: [WEATHER], tool_choice: { type: 'tool', name: 'x' } },
      { code: 'invalid_value', param: 'tool_choice' },
    ],
    [
      { tools: [WEATHER], tool_choice: { type: 'any' }, stop_sequences: ['x'] },
      { code: 'invalid_value', param: 'stop_sequences', message: /Leave stop_sequences out/ },
    ],
    [
      { output_config: { format: { type: 'json_schema', schema: { not: {} } } } },
      { code: 'unsupported_parameter', param: 'output_config.format.schema.not' },
    ],
    [
      { output_config: { format: { type: 'json_schema', schema: ANSWER_SCHEMA } }, max_tokens: 1 },
      { code: 'invalid_value', param: 'max_tokens', message: /max_tokens is 1/ },
    ],
    [{ model: 'nope' }, { code: 'model_not_found', type: 'not_found_error', param: 'model' }],
  ];
  for (const [part, expected] of cases) await assertRefused(await post(part), expected);
});

test('[CH18] takes what has no effect here, and says so', async () => {
  const cache_control = { type: 'ephemeral' };
  const response = await post({
    thinking: { type: 'adaptive' },
    service_tier: 'auto',
    metadata: { user_id: 'u' },
    output_config: { effort: 'low' },
    context_management: { edits: [] },
    messages: [{ role: 'user', content: [{ type: 'text', text: 'x', cache_control }] }],
    tools: [{ ...WEATHER, input_schema: { type: 'object', not: {} } }],
  });
  assert.equal(
    response.headers.get('x-sparewatt-ignored-params'),
    'thinking, service_tier, metadata, context_management, output_config.effort, cache_control, tools.get_weather.input_schema.not',
  );
});

test('[ME6] lets the official client in by either header, and tells it in its own form who may not come in', async () => {
  for (const options of [{ apiKey: null, authToken: pool.relay.apiKey }, {}]) {
    assert.equal((await newClient(options).messages.create(ASK)).stop_reason, 'end_turn');
  }
  const byHeader = { 'x-api-key': pool.relay.apiKey, 'anthropic-version': '2023-06-01' };
  const send = (headers: Record<string, string>, body = JSON.stringify(ASK)): Promise<Response> =>
    fetch(`${pool.relay.url}/v1/messages?beta=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
  assert.equal((await send(byHeader)).status, 200);
  const unknown = { code: 'invalid_api_key', type: 'authentication_error' } as const;
  await assertRefused(await send({}), unknown);
  await assertRefused(await send({ 'x-api-key': 'sk-none' }), unknown);
  await assertRefused(await send(byHeader, '{'), { code: 'invalid_json', type: 'invalid_request_error' });
  const huge = JSON.stringify({ ...ASK, system: 'x'.repeat(9_000_000) });
  await assertRefused(await send(byHeader, huge), { code: 'body_too_large', type: 'request_too_large' });
  const error = await newClient({ apiKey: 'sk-none' })
    .messages.create(ASK)
    .catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Anthropic.AuthenticationError);
  assert.deepEqual([error.errorCode, typeof error.requestID], ['invalid_api_key', 'string']);
});

type Made = { key: string };

test('[ME6] tells a key of its limits, rights and models, and the official client when to come back', async () => {
  const make = async (wishes: object): Promise<Anthropic> => {
    const { body } = await askAsAdmin<Made>(pool, '/v1/admin/keys', { name: 'x', ...wishes });
    return newClient({ apiKey: body.key });
  };
  const limited = await make({ requests_per_minute: 1 });
  await limited.messages.create(ASK);
  const limit = await limited.messages.countTokens({ model: DEMO_CHAT, messages: SUM }).catch((thrown) => thrown);
  assert.ok(limit instanceof Anthropic.RateLimitError);
  assert.deepEqual([limit.type, limit.errorCode], ['rate_limit_error', 'rate_limit_exceeded']);
  const seconds = Number(limit.headers?.get('retry-after'));
  assert.ok(seconds > 0 && seconds <= 60);
  const others = await make({ models: ['test/noop'] });
  const refused = await others.messages.create(ASK).catch((thrown: unknown) => thrown);
  assert.ok(refused instanceof Anthropic.PermissionDeniedError);
  const unscoped = await make({ scopes: ['catalog'] });
  const forbidden = await unscoped.messages.create(ASK).catch((thrown: unknown) => thrown);
  assert.ok(forbidden instanceof Anthropic.PermissionDeniedError);
  assert.deepEqual([forbidden.type, forbidden.errorCode], ['permission_error', 'insufficient_scope']);
});

test('[ME6] says that nobody serves the model now as an overload, which the official client tries again', async () => {
  const node = await pool.addNode({ name: 'leaving', runtime: createScriptedRuntime({ 'test/gone': () => 'stop' }) });
  await node.agent.close();
  const asked = { ...ASK, model: 'test/gone', routing: { max_wait_ms: 1 } };
  const tries: string[] = [];
  const patient = newClient({
    maxRetries: 1,
    fetch: (url, init) => {
      tries.push(new Headers(init?.headers).get('x-stainless-retry-count') ?? '');
      return fetch(url, init);
    },
  });
  const error = await patient.messages.create(asked).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Anthropic.ServiceUnavailableError);
  assert.deepEqual([error.type, error.errorCode, tries], ['overloaded_error', 'no_capacity', ['0', '1']]);
});

test('[ME6] lists the models to the official client', async () => {
  const ids: string[] = [];
  for await (const { id } of client.models.list()) ids.push(id);
  assert.ok(ids.includes(DEMO_CHAT));
  assert.equal((await client.models.retrieve(DEMO_CHAT)).id, DEMO_CHAT);
});
