import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import { DEMO_CHAT, startDemoPool } from '../support/demo-pool.ts';
import { ASK, responseEvents, WEATHER } from '../support/responses.ts';
import { createScriptedRuntime, type Script } from '../support/runtimes/scripted-runtime.ts';

const pool = await startDemoPool();
after(() => pool.close());
await pool.addNode();
const scripts: Record<string, Script> = {
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
  'test/caller': (_job, output) => {
    output.text('Let me ', 2);
    output.text('see. ', 1);
    output.toolCall({ index: 0, name: 'add', arguments: '', tokens: 4 });
    output.toolCall({ index: 0, arguments: '{"a":', tokens: 2 });
    output.toolCall({ index: 0, arguments: '1}', tokens: 2 });
    output.toolCall({ index: 1, name: 'now', arguments: '{}', tokens: 4 });
    return 'tool_calls';
  },
};
await pool.addNode({ name: 'scripted', runtime: createScriptedRuntime(scripts) });
const client = pool.client();

test('[RE1] says that an answer was cut, whole and in events', async () => {
  const cut = { ...ASK, input: 'Tell me a story.', max_output_tokens: 3 };
  const whole = await client.responses.create(cut);
  const event = (await responseEvents(pool, cut)).at(-1);
  assert.ok(event?.type === 'response.incomplete');
  for (const { status, incomplete_details: details, output } of [whole, event.response]) {
    assert.deepEqual([status, details], ['incomplete', { reason: 'max_output_tokens' }]);
    const [item] = output;
    assert.deepEqual(item?.type === 'message' && [item.status, item.content[0]?.type], ['incomplete', 'output_text']);
  }
});

test("[RE2] streams words and calls as OpenAI's events, each item done before the next begins", async () => {
  const events = await responseEvents(pool, {
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
  const events = await responseEvents(pool, { model: 'test/breaking' });
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
