import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type {
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionFunctionTool,
} from 'openai/resources/chat/completions';
import { DEMO_CHAT, startDemoPool } from '../support/demo-pool.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { judgeOf } from '../support/json-schema.ts';
import { readEvents } from '../support/network/sse.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';

const pool = await startDemoPool();
after(() => pool.close());
await pool.addNode({
  name: 'scripted',
  runtime: createScriptedRuntime({
    'test/caller': (_job, output) => {
      output.text('Let me see. ', 3);
      output.toolCall({ index: 0, name: 'add', arguments: '', tokens: 4 });
      output.toolCall({ index: 0, arguments: '{"a":', tokens: 2 });
      output.toolCall({ index: 0, arguments: '1}', tokens: 2 });
      output.toolCall({ index: 1, name: 'now', arguments: '{}', tokens: 4 });
      return 'tool_calls';
    },
    'test/bare': (_job, output) => {
      output.toolCall({ index: 0, name: 'now', arguments: '', tokens: 4 });
      output.toolCall({ index: 1, name: 'add', arguments: '', tokens: 4 });
      output.toolCall({ index: 1, arguments: '{"a":1}', tokens: 4 });
      output.toolCall({ index: 2, name: 'now', arguments: '', tokens: 4 });
      return 'tool_calls';
    },
    'test/cut': (_job, output) => {
      output.toolCall({ index: 0, name: 'now', arguments: '', tokens: 4 });
      output.toolCall({ index: 1, name: 'add', arguments: '', tokens: 4 });
      return 'length';
    },
  }),
});
const client = pool.client();

const ADD_PARAMETERS = {
  type: 'object',
  properties: { a: { type: 'integer', minimum: -99, maximum: 99 }, b: { type: 'integer' } },
  required: ['a', 'b'],
  additionalProperties: false,
};
const ADD: ChatCompletionFunctionTool = {
  type: 'function',
  function: { name: 'add', description: 'Adds.', parameters: ADD_PARAMETERS, strict: true },
};
const NOW: ChatCompletionFunctionTool = { type: 'function', function: { name: 'now' } };
const ASK: ChatCompletionCreateParamsNonStreaming = {
  model: DEMO_CHAT,
  messages: [{ role: 'user', content: 'What is 17 + 25?' }],
  tools: [ADD, NOW],
  max_tokens: 120,
};

function post(body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/chat/completions', { method: 'POST', headers, body: JSON.stringify({ ...ASK, ...body }) });
}

const JUDGES: Record<string, (value: unknown) => string | null> = {
  add: judgeOf(ADD_PARAMETERS),
  now: judgeOf({ type: 'object', maxProperties: 0 }),
};

async function callsOf(part: Partial<ChatCompletionCreateParamsNonStreaming>) {
  const { choices } = await client.chat.completions.create({ ...ASK, ...part });
  const calls = choices[0]?.message.tool_calls ?? [];
  return calls.map((call) => {
    assert.equal(call.type, 'function');
    assert.match(call.id, /^call_\w{24}$/);
    assert.equal(JUDGES[call.function.name]?.(JSON.parse(call.function.arguments)), null, call.function.arguments);
    return call.function.name;
  });
}

test('[CH10] always calls one of the tools, with valid arguments, when one is required', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const names = await callsOf({ tool_choice: 'required', temperature: 2, seed });
    assert.ok(names.length >= 1);
  }
});

test('[CH10] calls the tool that is named, with null for content and the finish reason tool_calls', async () => {
  const named = { type: 'function' as const, function: { name: 'add' } };
  for (const seed of [1, 2]) {
    const asked = { ...ASK, tool_choice: named, temperature: 2, seed };
    const { choices } = await client.chat.completions.create(asked);
    assert.deepEqual([choices[0]?.finish_reason, choices[0]?.message.content], ['tool_calls', null]);
    assert.deepEqual(await callsOf({ tool_choice: named, temperature: 2, seed }), ['add']);
  }
});

test('[CH10] makes one call when calls are not to be parallel', async () => {
  const names = await callsOf({ tool_choice: 'required', parallel_tool_calls: false, temperature: 2, seed: 9 });
  assert.equal(names.length, 1);
});

test('[CH10] calls only tools that are allowed', async () => {
  const only = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [NOW] } } as never;
  for (const seed of [1, 2, 3]) assert.deepEqual(await callsOf({ tool_choice: only, temperature: 2, seed }), ['now']);
});

test('[CH10] answers in words for none, and in words or a valid call for auto', async () => {
  const { choices } = await client.chat.completions.create({ ...ASK, tool_choice: 'none', max_tokens: 20 });
  assert.equal(choices[0]?.message.tool_calls, undefined);
  assert.equal(typeof choices[0]?.message.content, 'string');
  for (const seed of [1, 2, 3]) await callsOf({ temperature: 2, seed, max_tokens: 60 });
});

test('[CH10] refuses a choice that does not fit the tools', async () => {
  const wrong: [string, object][] = [
    ['tool_choice', { tool_choice: 'required', tools: [] }],
    ['tool_choice', { tool_choice: { type: 'function', function: { name: 'other' } } }],
    ['tool_choice', { tool_choice: 'sometimes' }],
    ['tools', { tools: [ADD, ADD] }],
    ['tools.0.function.name', { tools: [{ type: 'function', function: { name: 'no spaces' } }] }],
    ['tools.f.parameters', { tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'string' } } }] }],
    ['stop', { tool_choice: 'required', stop: '}' }],
  ];
  for (const [param, part] of wrong) {
    assertError(await readError(await post(part)), { code: 'invalid_value', param });
  }
  const custom = await readError(await post({ tools: [{ type: 'custom', custom: { name: 'x' } }] }));
  assertError(custom, { code: 'unsupported_parameter', param: 'tools.0.type' });
});

test('[CH10] refuses what it cannot enforce of a strict tool, and names what it leaves out of another', async () => {
  const parameters = {
    type: 'object',
    properties: { a: { type: 'array', items: { type: 'null' }, uniqueItems: true } },
  };
  const tool = (strict: boolean) => ({ tools: [{ type: 'function', function: { name: 'f', parameters, strict } }] });
  const place = 'tools.f.parameters.properties.a.uniqueItems';
  assertError(await readError(await post(tool(true))), { code: 'unsupported_parameter', param: place });
  const response = await post({ ...tool(false), tool_choice: 'required' });
  assert.deepEqual([response.status, response.headers.get('x-sparewatt-ignored-params')], [200, place]);
});

test('[CH09] gives calls whole, after the words before them', async () => {
  const { choices } = await client.chat.completions.create({ ...ASK, model: 'test/caller' });
  const { message, finish_reason } = choices[0] ?? assert.fail();
  assert.deepEqual([message.content, finish_reason], ['Let me see. ', 'tool_calls']);
  const calls = (message.tool_calls ?? []).map((call) => (call.type === 'function' ? call.function : null));
  assert.deepEqual(calls, [
    { name: 'add', arguments: '{"a":1}' },
    { name: 'now', arguments: '{}' },
  ]);
});

test('[CH09] streams a call by its id and name first, then its arguments in pieces', async () => {
  const { events } = readEvents(await (await post({ model: 'test/caller', stream: true })).text());
  const deltas = events.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));
  const begun = deltas.filter(({ id }) => id !== undefined);
  assert.deepEqual(
    begun.map(({ index, type, function: called }) => [index, type, called?.name]),
    [
      [0, 'function', 'add'],
      [1, 'function', 'now'],
    ],
  );
  assert.ok(deltas.every(({ id, function: called }) => (id === undefined) === (called?.name === undefined)));
  assert.equal(events.at(-1)?.choices[0]?.finish_reason, 'tool_calls');
});

test('[CH09] opens a stream that begins with a call without content, and one that begins with words with an empty one', async () => {
  const asked = { model: DEMO_CHAT, tool_choice: 'required', seed: 3, stream: true };
  for (const [body, content] of [
    [asked, null],
    [{ model: 'test/caller', stream: true }, ''],
  ] as const) {
    const { events } = readEvents(await (await post(body)).text());
    assert.deepEqual(events[0]?.choices[0]?.delta, { role: 'assistant', content, refusal: null });
    assert.equal(events.filter(({ choices }) => choices[0]?.delta.role !== undefined).length, 1);
  }
  const whole = client.chat.completions.stream({ ...ASK, ...asked, tool_choice: 'required', stream: true });
  assert.equal((await whole.finalChatCompletion()).choices[0]?.message.content, null);
});

test('[CH09] satisfies the helper that assembles calls from the stream', async () => {
  // What the scripted calls say is not what their tools take: no node may be asked to hold them to it.
  for (const [model, tool_choice] of [
    ['test/caller', 'auto'],
    [DEMO_CHAT, 'required'],
  ] as const) {
    const asked = { ...ASK, model, tool_choice, temperature: 1, seed: 3, stream: true as const };
    const { choices } = await client.chat.completions.stream(asked).finalChatCompletion();
    const calls = choices[0]?.message.tool_calls ?? [];
    assert.ok(calls.length > 0);
    for (const call of calls) JSON.parse(call.type === 'function' ? call.function.arguments : '');
  }
});

test('[CH09] reads a call and its result back', async () => {
  const { choices } = await client.chat.completions.create({
    ...ASK,
    tool_choice: 'required',
    seed: 1,
    temperature: 1,
  });
  const message = choices[0]?.message ?? assert.fail();
  const [call] = message.tool_calls ?? [];
  const messages = [...ASK.messages, message, { role: 'tool' as const, content: '42', tool_call_id: call?.id ?? '' }];
  const answer = await client.chat.completions.create({ ...ASK, messages, tool_choice: 'none', max_tokens: 10 });
  assert.equal(typeof answer.choices[0]?.message.content, 'string');
});

for (const [model, expected] of [
  ['test/bare', ['{}', '{"a":1}', '{}']],
  ['test/cut', ['{}', '']],
] as const) {
  test(`[CH09] a call without arguments has an empty object, unless it was cut off: ${model}`, async () => {
    const whole = await client.chat.completions.create({ ...ASK, model });
    const calls = whole.choices[0]?.message.tool_calls ?? [];
    assert.deepEqual(
      calls.map((call) => call.type === 'function' && call.function.arguments),
      expected,
    );
    const told: string[] = [];
    for await (const { choices } of await client.chat.completions.create({ ...ASK, model, stream: true })) {
      for (const { index, function: piece } of choices[0]?.delta.tool_calls ?? []) {
        told[index] = (told[index] ?? '') + (piece?.arguments ?? '');
      }
    }
    assert.deepEqual(told, expected);
    const tools = ['now', 'add'].map((name) => ({ type: 'function' as const, name, parameters: null, strict: false }));
    const response = await client.responses.create({ model, input: 'x', tools });
    const stream = client.responses.stream({ model, input: 'x', tools });
    const { output } = await stream.finalResponse();
    for (const items of [response.output, output]) {
      assert.deepEqual(
        items.map((item) => item.type === 'function_call' && item.arguments),
        expected,
      );
    }
  });
}
