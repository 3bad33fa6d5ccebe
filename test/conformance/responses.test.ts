import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import type { ResponseInput, ResponseStreamEvent } from 'openai/resources/responses/responses';
import { DEMO_CHAT, startDemoPool } from '../support/demo-pool.ts';
import { assertError, type ExpectedError, readError } from '../support/error-answers.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';

const pool = await startDemoPool();
after(() => pool.close());
await pool.addNode();
const scripted = createScriptedRuntime({
  'test/silent': () => 'stop',
  'test/by-turns': (_job, output) => {
    output.text('', 1);
    output.text('Before. ', 1);
    output.toolCall({ index: 0, name: 'add', arguments: '{}', tokens: 4 });
    output.text('', 1);
    output.toolCall({ index: 1, name: 'now', arguments: '{}', tokens: 4 });
    output.text('After.', 1);
    return 'length';
  },
  'test/now': (_job, output) => {
    output.toolCall({ index: 0, name: 'now', arguments: '{}', tokens: 4 });
    return 'tool_calls';
  },
  'test/caller': (_job, output) => {
    output.text('Let me ', 2);
    output.text('see. ', 1);
    output.toolCall({ index: 0, name: 'add', arguments: '', tokens: 4 });
    output.toolCall({ index: 0, arguments: '{"a":', tokens: 2 });
    output.toolCall({ index: 0, arguments: '1}', tokens: 2 });
    output.toolCall({ index: 1, name: 'now', arguments: '{}', tokens: 4 });
    return 'tool_calls';
  },
});
await pool.addNode({ name: 'scripted', runtime: scripted });
const client = pool.client();
const ASK = { model: DEMO_CHAT, input: 'What is 17 + 25?' };
const WEATHER = {
  type: 'function' as const,
  name: 'get_weather',
  strict: true,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};
const ANSWER_FORMAT = {
  type: 'json_schema' as const,
  name: 'sum',
  strict: true,
  schema: {
    type: 'object',
    properties: { answer: { type: 'integer' } },
    required: ['answer'],
    additionalProperties: false,
  },
};

function post(body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/responses', { method: 'POST', headers, body: JSON.stringify({ ...ASK, ...body }) });
}

async function eventsOf(body: object): Promise<ResponseStreamEvent[]> {
  const text = await (await post({ ...body, stream: true })).text();
  const blocks = text.split('\n\n');
  assert.equal(blocks.pop(), '');
  const events = blocks.map((block) => {
    const [, name, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
    const event = JSON.parse(data) as ResponseStreamEvent;
    assert.equal(event.type, name);
    return event;
  });
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, at) => at),
  );
  return events;
}

test('[RE1] answers a text, with its usage and the headers of its job', async () => {
  const { data, response } = await client.responses.create(ASK).withResponse();
  assert.deepEqual(
    [data.object, data.status, data.output_text, data.model],
    ['response', 'completed', '42', DEMO_CHAT],
  );
  assert.deepEqual(data.output, [
    {
      id: data.output[0]?.id,
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: '42', annotations: [], logprobs: [] }],
    },
  ]);
  assert.deepEqual(data.usage, {
    input_tokens: 13,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 2,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 15,
  });
  assert.equal(data.id, `resp_${response.headers.get('x-sparewatt-job')}`);
  const receipt = await pool.request(`/v1/receipts/${response.headers.get('x-sparewatt-receipt')}`);
  assert.equal(receipt.status, 200);
});

test('[RE1] reads instructions, messages in parts and what was answered before', async () => {
  const parts: ResponseInput = [
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'What is the capital' },
        { type: 'input_text', text: ' of France?' },
      ],
    },
  ];
  const shouted = await client.responses.create({ ...ASK, instructions: 'Answer in capitals.', input: parts });
  assert.equal(shouted.output_text, 'PARIS.');
  const first: ResponseInput = [{ role: 'user', content: 'My name is Ada.' }];
  const { output } = await client.responses.create({ ...ASK, input: first });
  const next: ResponseInput = [...first, ...(output as ResponseInput), { role: 'user', content: 'What is my name?' }];
  assert.equal((await client.responses.create({ ...ASK, input: next })).output_text, 'Your name is Ada.');
});

test('[RE1] calls a tool and reads what it gave, beside thoughts of a model elsewhere', async () => {
  const input: ResponseInput = [{ role: 'user', content: 'What is the weather in Oslo?' }];
  const { output } = await client.responses.create({ ...ASK, input, tools: [WEATHER] });
  const [call] = output;
  assert.ok(call?.type === 'function_call');
  assert.deepEqual([call.name, call.arguments, call.status], ['get_weather', '{"city":"Oslo"}', 'completed']);
  const told = { type: 'function_call_output' as const, call_id: call.call_id, output: 'rain' };
  const thought = { type: 'reasoning' as const, id: 'rs_1', summary: [] };
  const answer = await client.responses.create({ ...ASK, input: [...input, thought, call, told], tools: [WEATHER] });
  assert.equal(answer.output_text, 'The weather in Oslo is rain.');
});

test('[RE1] gives a node one message for what a model said and called in one turn', async () => {
  const call = (id: string) => ({ type: 'function_call' as const, call_id: id, name: 'now', arguments: '{}' });
  await client.responses.create({
    model: 'test/now',
    input: [
      { role: 'developer', content: 'Be kind.' },
      { role: 'user', content: 'x' },
      { role: 'assistant', content: 'Let me see.' },
      call('call_1'),
      { role: 'assistant', content: ' And there.' },
      call('call_2'),
      { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'noon' }] },
    ],
    tool_choice: { type: 'function', name: 'now' },
    tools: [{ type: 'function', name: 'now', parameters: null, strict: false }],
    max_output_tokens: 9,
    temperature: 0.5,
    top_p: 0.9,
    parallel_tool_calls: false,
  });
  const asked = scripted.asked.at(-1);
  assert.ok(asked?.type === 'llm');
  assert.deepEqual(asked.input, {
    maxTokens: 9,
    messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'x' },
      {
        role: 'assistant',
        content: 'Let me see. And there.',
        toolCalls: ['call_1', 'call_2'].map((id) => ({ id, name: 'now', arguments: '{}' })),
      },
      { role: 'tool', content: 'noon', toolCallId: 'call_1' },
    ],
    parallelToolCalls: false,
    seed: null,
    stop: [],
    temperature: 0.5,
    toolChoice: { name: 'now' },
    tools: [{ name: 'now' }],
    topP: 0.9,
  });
});

test('[RE1] offers only the tools that are allowed', async () => {
  const tools = ['now', 'add'].map((name) => ({ ...WEATHER, name }));
  const allowed = { type: 'allowed_tools' as const, mode: 'auto' as const, tools: [{ type: 'function', name: 'add' }] };
  await client.responses.create({ model: 'test/caller', input: 'x', tools, tool_choice: allowed });
  const asked = scripted.asked.at(-1);
  assert.deepEqual(asked?.type === 'llm' && asked.input.tools?.map(({ name }) => name), ['add']);
});

test('[RE1] answers in the form that text.format names, whole and in events', async () => {
  const text = { format: ANSWER_FORMAT };
  assert.deepEqual((await client.responses.parse({ ...ASK, text })).output_parsed, { answer: 42 });
  const final = await client.responses.stream({ ...ASK, text }).finalResponse();
  assert.deepEqual(final.output_parsed, { answer: 42 });
});

test('[RE1] says that an answer was cut, whole and in events', async () => {
  const cut = { ...ASK, input: 'Tell me a story.', max_output_tokens: 3 };
  const whole = await client.responses.create(cut);
  const event = (await eventsOf(cut)).at(-1);
  assert.ok(event?.type === 'response.incomplete');
  for (const { status, incomplete_details: details, output } of [whole, event.response]) {
    assert.deepEqual([status, details], ['incomplete', { reason: 'max_output_tokens' }]);
    const [item] = output;
    assert.deepEqual(item?.type === 'message' && [item.status, item.content[0]?.type], ['incomplete', 'output_text']);
  }
});

test("[RE2] streams words and calls as OpenAI's events, each item done before the next begins", async () => {
  const events = await eventsOf({
    model: 'test/caller',
    tools: [
      { ...WEATHER, name: 'add' },
      { ...WEATHER, name: 'now' },
    ],
  });
  const names = events.map(({ type }) => type.replace('response.', ''));
  const call = [
    'output_item.added',
    'function_call_arguments.delta',
    'function_call_arguments.done',
    'output_item.done',
  ];
  assert.deepEqual(
    names.filter((name, at) => name !== names[at - 1]),
    [
      ...['created', 'in_progress', 'output_item.added', 'content_part.added', 'output_text.delta'],
      ...['output_text.done', 'content_part.done', 'output_item.done', ...call, ...call, 'completed'],
    ],
  );
  const deltas = ['', '', ''];
  const done: unknown[] = [];
  for (const event of events) {
    if ('delta' in event && 'output_index' in event) deltas[event.output_index] += String(event.delta);
    if (event.type === 'response.output_text.done') done.push(event.text);
    if (event.type === 'response.function_call_arguments.done') done.push(event.arguments);
  }
  assert.deepEqual(deltas, ['Let me see. ', '{"a":1}', '{}']);
  assert.deepEqual(done, deltas);
  const last = events.at(-1);
  assert.ok(last?.type === 'response.completed');
  const items = events.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []));
  assert.deepEqual(last.response.output, items);
  assert.deepEqual(
    items.map((item) => 'status' in item && item.status),
    ['completed', 'completed', 'completed'],
  );
});

test('[RE2] gives the official client the same response in events as whole, in the order in which it was made', async () => {
  const tools = ['add', 'now'].map((name) => ({ ...WEATHER, name }));
  const told = ({ output, usage, status, tools: offered }: OpenAI.Responses.Response) => [
    output.map((item) => {
      if (item.type === 'function_call') return [item.status, item.name, item.arguments];
      return item.type === 'message' && [item.status, item.content.map((part) => 'text' in part && part.text)];
    }),
    ...[usage, status, offered],
  ];
  for (const [model, text] of [
    [DEMO_CHAT, '42'],
    ['test/silent', ''],
    ['test/by-turns', 'Before. After.'],
  ] as const) {
    const asked = model === DEMO_CHAT ? ASK : { ...ASK, model, tools };
    const whole = await client.responses.create(asked);
    const final = await client.responses.stream(asked).finalResponse();
    assert.equal(final.output_text, text);
    assert.deepEqual(told(final), told(whole));
    if (model !== 'test/by-turns') continue;
    assert.deepEqual(told(whole)[0], [
      ['completed', ['Before. ']],
      ['completed', 'add', '{}'],
      ['completed', 'now', '{}'],
      ['incomplete', ['After.']],
    ]);
  }
});

test('[RE3] ends a stream that failed with response.failed, and a response that has not begun with a status', async () => {
  const events = await eventsOf({ model: 'test/breaking' });
  const last = events.at(-1);
  assert.ok(last?.type === 'response.failed');
  assert.deepEqual(last.response.error, { code: 'node_fault', message: 'The synthetic model broke.' });
  assert.equal(last.response.status, 'failed');
  const [item] = last.response.output;
  assert.deepEqual(item?.type === 'message' && [item.status, item.content], [
    'incomplete',
    [{ type: 'output_text', text: 'half ', annotations: [], logprobs: [] }],
  ]);
  assert.ok(events.every(({ type }) => type !== 'error' && type !== 'response.completed'));
  const input = 'word '.repeat(2_000);
  const error = await client.responses.create({ ...ASK, input, stream: true }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.deepEqual([error.code, error.param], ['context_length_exceeded', 'input']);
});

test('[RE5] refuses what would need a response that was kept, and tools of another kind, with what to do', async () => {
  const reference = { type: 'item_reference', id: 'msg_1' };
  const cases: [object, string, RegExp][] = [
    [{ previous_response_id: 'resp_1' }, 'previous_response_id', /Send the whole conversation as input/],
    [{ conversation: { id: 'conv_1' } }, 'conversation', /Send the whole conversation as input/],
    [{ prompt: { id: 'pmpt_1' } }, 'prompt', /as instructions/],
    [{ background: true }, 'background', /\/v1\/jobs/],
    [{ top_logprobs: 2 }, 'top_logprobs', /\/v1\/chat\/completions/],
    [{ include: ['message.output_text.logprobs'] }, 'include', /\/v1\/chat\/completions/],
    [{ tools: [WEATHER, { type: 'web_search' }] }, 'tools.1.type', /"web_search"/],
  ];
  for (const [part, param, message] of cases) {
    assertError(await readError(await post(part)), { code: 'unsupported_parameter', param, message });
  }
  const told = { code: 'unsupported_content', param: 'input.0', message: /store: false/ } as const;
  assertError(await readError(await post({ input: [reference] })), told);
  const nothing = { previous_response_id: null, conversation: null, background: false, top_logprobs: 0, include: [] };
  assert.equal((await post(nothing)).status, 200);
});

test('[X03] calls what is wrong by its name on this route', async () => {
  const role = 'user';
  const cases: [object, ExpectedError][] = [
    [{ input: [] }, { code: 'invalid_value', param: 'input' }],
    [{ input: [{ content: 'x' }] }, { code: 'missing_required_parameter', param: 'input.0.role' }],
    [{ input: [{ role, content: null }] }, { code: 'missing_required_parameter', param: 'input.0.content' }],
    [
      { instructions: 'x', input: [{ role: 'bot', content: 'x' }] },
      { code: 'invalid_value', param: 'input.0.role' },
    ],
    [
      { input: [{ role, content: [{ type: 'input_file', file_id: 'x' }] }] },
      { code: 'unsupported_content', param: 'input.0.content.0' },
    ],
    [
      { input: [{ role, content: [{ type: 'input_text' }] }] },
      { code: 'missing_required_parameter', param: 'input.0.content.0.text' },
    ],
    [
      { input: [{ role, content: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA' }] }] },
      { code: 'unsupported_content', param: 'input.0.content.0', message: /reads text only/ },
    ],
    [
      { input: [{ type: 'function_call', call_id: 'x' }] },
      { code: 'missing_required_parameter', param: 'input.0.name' },
    ],
    [
      {
        input: [
          { role, content: 'x' },
          { type: 'function_call_output', call_id: 'x', output: 'x' },
        ],
      },
      { code: 'invalid_value', param: 'input.1.call_id' },
    ],
    [
      {
        input: [
          { type: 'reasoning', id: 'rs_1', summary: [] },
          { role: 'bot', content: 'x' },
        ],
      },
      { code: 'invalid_value', param: 'input.1.role' },
    ],
    [
      {
        input: [
          { role, content: 'x' },
          { type: 'function_call', call_id: 'x', name: 'now', arguments: '{}' },
          {
            type: 'function_call_output',
            call_id: 'x',
            output: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA' }],
          },
        ],
      },
      { code: 'unsupported_content', param: 'input.2.output.0', message: /reads text only/ },
    ],
    [{ input: [{ type: 'computer_call' }] }, { code: 'unsupported_content', param: 'input.0' }],
    [
      { tools: [{ type: 'function' }] },
      { code: 'missing_required_parameter', param: 'tools.0.name', message: /'tools\.0\.name'/ },
    ],
    [{ tools: [{ ...WEATHER, name: 'a b' }] }, { code: 'invalid_value', param: 'tools.0.name' }],
    [
      { tools: [{ ...WEATHER, parameters: { type: 'object', not: {} } }] },
      { code: 'unsupported_parameter', param: 'tools.get_weather.parameters.not' },
    ],
    [
      { text: { format: { ...ANSWER_FORMAT, schema: null } } },
      { code: 'missing_required_parameter', param: 'text.format.schema', message: /'text\.format\.schema'/ },
    ],
    [
      { text: { format: { ...ANSWER_FORMAT, schema: { not: {} } } } },
      { param: 'text.format.schema.not', code: 'unsupported_parameter' },
    ],
    [
      { text: { format: ANSWER_FORMAT }, max_output_tokens: 1 },
      { code: 'invalid_value', param: 'max_output_tokens' },
    ],
    [{ text: { format: { type: 'xml' } } }, { code: 'unsupported_parameter', param: 'text.format.type' }],
    [
      {
        input: [
          { role, content: 'x' },
          { type: 'function_call', call_id: 'c', name: 'now', arguments: '{}' },
          { role: 'assistant', content: 'y' },
          { role: 'assistant', content: [{ type: 'output_text', text: 'z' }, { type: 'output_text' }] },
        ],
      },
      { code: 'missing_required_parameter', param: 'input.3.content.1.text' },
    ],
    [{ model: 'nope' }, { code: 'model_not_found', param: 'model' }],
  ];
  for (const [part, expected] of cases) assertError(await readError(await post(part)), expected);
});

test('[CH18] takes what has no effect here, and says so', async () => {
  const response = await post({
    store: true,
    reasoning: { effort: 'low' },
    truncation: 'auto',
    metadata: { a: 'b' },
    include: ['reasoning.encrypted_content'],
    user: 'u',
    text: { verbosity: 'low' },
    tools: [{ ...WEATHER, strict: false, parameters: { type: 'object', not: {} } }],
  });
  assert.equal(
    response.headers.get('x-sparewatt-ignored-params'),
    'store, reasoning, truncation, include, user, text.verbosity, tools.get_weather.parameters.not',
  );
  const { metadata, store } = (await response.json()) as OpenAI.Responses.Response & { store: boolean };
  assert.deepEqual([metadata, store], [{ a: 'b' }, false]);
});

test('[RE1] counts the tokens of an input as its response does, with its tools', async () => {
  const { tools, ...rest } = { ...ASK, tools: [WEATHER], instructions: 'Be kind.' };
  const counts: number[] = [];
  for (const prompt of [ASK, rest, { ...rest, tools }, { ...rest, tools, tool_choice: 'required' as const }]) {
    const { usage } = await client.responses.create({ ...prompt, max_output_tokens: 64 });
    const { data, response } = await client.responses.inputTokens.count(prompt).withResponse();
    assert.deepEqual(data, { object: 'response.input_tokens', input_tokens: usage?.input_tokens });
    assert.ok((await pool.request(`/v1/receipts/${response.headers.get('x-sparewatt-receipt')}`)).ok);
    counts.push(data.input_tokens);
  }
  const [bare = 0, instructed = 0, offered = 0] = counts;
  assert.ok(bare < instructed && instructed < offered, counts.join());
});

test('[RE5] a count is refused as its response would be, in the words of responses', async () => {
  const count = (more: object): Promise<unknown> =>
    client.responses.inputTokens.count({ ...ASK, ...more }).catch((error) => error);
  for (const [more, code, param] of [
    [{ previous_response_id: 'resp_1' }, 'unsupported_parameter', 'previous_response_id'],
    [{ model: 'nope' }, 'model_not_found', 'model'],
    [{ input: 'word '.repeat(2_000) }, 'context_length_exceeded', 'input'],
  ] as const) {
    const error = await count(more);
    assert.ok(error instanceof OpenAI.APIError);
    assert.deepEqual([error.code, error.param], [code, param]);
  }
});
