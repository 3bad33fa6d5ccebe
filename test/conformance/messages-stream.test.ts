import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { Stream } from '@anthropic-ai/sdk/streaming';
import { Value } from 'typebox/value';
import { AnthropicError, type MessageObject } from '../../shared/api/messages.ts';
import { ASK, assertRefused, startAnthropicPool, TOOLS } from '../support/anthropic-pool.ts';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { createControlledRuntime } from '../support/runtimes/controlled-runtime.ts';

const pool = await startAnthropicPool();
after(() => pool.close());
const { post } = pool;
const client = pool.newClient();

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

test("[AN1] [ME2] streams words and calls as Anthropic's events, each block stopped before the next is started", async () => {
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

test('[ME2] gives the official client the same message in events as whole, in the order in which it was made', async () => {
  const models = ['test/silent', 'test/caller', 'test/by-turns'].map((model) => ({ ...ASK, model, tools: TOOLS }));
  for (const asked of [ASK, ...models]) {
    const whole = await client.messages.create(asked);
    const final = await client.messages.stream(asked).finalMessage();
    const told = ({ content, stop_reason: reason, usage }: Anthropic.Message) => [
      content.map((block) => ('id' in block ? { ...block, id: '' } : block)),
      reason,
      usage,
    ];
    assert.deepEqual(told(final), told(whole));
    assert.ok(whole.content.length > 0);
    if (asked.model !== 'test/by-turns') continue;
    assert.deepEqual(
      whole.content.map((block) => (block.type === 'text' ? block.text : block.type === 'tool_use' && block.input)),
      ['Before. ', { a: 1 }, 'Between. ', {}, { a: 2 }, 'After.'],
    );
  }
});

test('[ME2] tells a stream that waits for a node how many do, beside pings that clients pass over', async () => {
  const held = createControlledRuntime([pretendedModel('test/one-at-a-time')]);
  const { agent } = await pool.addNode({ name: 'busy', slots: 1, runtime: held });
  const waits = { ...ASK, model: 'test/one-at-a-time', routing: { max_wait_ms: 60_000 } };
  const first = client.messages.create(waits);
  const one = await held.runs.next();
  const stream = await post({ ...waits, stream: true });
  assert.equal(stream.headers.get('x-sparewatt-node'), null);
  one.finish();
  await first;
  (await held.runs.next()).finish();
  const text = await stream.text();
  assert.match(text, /^: queued 1\nevent: ping\ndata: \{"type":"ping"\}\n\n/m);
  assert.match(text, /event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/);
  const read = Stream.fromSSEResponse<Anthropic.RawMessageStreamEvent>(new Response(text), new AbortController());
  const types: string[] = [];
  for await (const { type } of read) types.push(type);
  assert.ok(!types.includes('ping') && types.at(-1) === 'message_stop', types.join());
  await agent.close();
});

test('[AN2] [ME3] ends a stream that failed with an error event, and a message that has not begun with a status', async () => {
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
