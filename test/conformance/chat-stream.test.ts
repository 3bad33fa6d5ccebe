import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { exchange, requestBytes } from '../support/network/raw-http.ts';
import { readEvents, textOf } from '../support/network/sse.ts';
import { startPool } from '../support/pool.ts';
import { createControlledRuntime } from '../support/runtimes/controlled-runtime.ts';
import { createScriptedRuntime, type Script } from '../support/runtimes/scripted-runtime.ts';

const PIECES = [
  'héllo ',
  '\u{1f469}\u200d\u{1f680}',
  ' 漢字\r\n',
  'data: [DONE]\n\n',
  '"\\ \u2028 \u0000',
  ': x\n',
  'event: y',
];

const sayPieces: Script = async (_job, output) => {
  for (const text of PIECES) {
    output.text(text, 1);
    // So that each travels in a frame of its own.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return 'stop' as const;
};

const pool = await startPool();
after(() => pool.close());
const node = await pool.addNode();
await pool.addNode({
  name: 'scripted',
  runtime: createScriptedRuntime({
    'test/pieces': sayPieces,
    'test/silent': () => 'stop',
    'test/lengthy': (_job, output) => {
      output.text('cut off', 2);
      return 'length';
    },
  }),
});

const client = pool.client();
const ask = (model: string) => ({ model, messages: [{ role: 'user' as const, content: 'one two three' }] });

function post(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ stream: true, ...body }),
  });
}

test('a stream that waits for a node is told how many do, in comments that clients pass over', async () => {
  const held = createControlledRuntime([pretendedModel('test/one-at-a-time')]);
  const { agent } = await pool.addNode({ name: 'busy', slots: 1, runtime: held });
  const waits = { ...ask('test/one-at-a-time'), routing: { max_wait_ms: 60_000 } };
  const first = client.chat.completions.create(ask('test/one-at-a-time'));
  const one = await held.runs.next();
  const stream = await post(waits);
  assert.equal(stream.status, 200);
  assert.equal(stream.headers.get('x-sparewatt-node'), null);
  one.finish();
  await first;
  (await held.runs.next()).finish();
  const text = await stream.text();
  assert.match(text, /^: queued 1\n\n/m);
  assert.equal(readEvents(text).isDone, true);
  await agent.close();
});

test('[CH02] begins a stream with the role, ends it with the finish reason and [DONE]', async () => {
  const response = await post(ask('test/echo'));
  const { events, isDone, rest } = readEvents(await response.text());
  assert.deepEqual([isDone, rest], [true, '']);
  assert.deepEqual(events[0]?.choices[0]?.delta, { role: 'assistant', content: '', refusal: null });
  assert.equal(textOf(events), 'one two three');
  assert.deepEqual(
    events.map(({ choices }) => choices[0]?.finish_reason),
    [...events.slice(1).map(() => null), 'stop'],
  );
  for (const event of events) {
    assert.deepEqual([event.object, event.model, event.choices[0]?.index], ['chat.completion.chunk', 'test/echo', 0]);
    assert.deepEqual([event.id, event.created], [events[0]?.id, events[0]?.created]);
    assert.ok(!('usage' in event));
  }
  assert.equal(events[0]?.id, `chatcmpl-${response.headers.get('x-sparewatt-job')}`);
  assert.equal(response.headers.get('x-sparewatt-node'), node.nodeId);
});

test('[CH02] lets text through as it is made', async () => {
  const stream = await client.chat.completions.create({ ...ask('test/stuck'), stream: true });
  let heard = '';
  for await (const chunk of stream) {
    heard += chunk.choices[0]?.delta.content ?? '';
    // The model says this one word and nothing more: without streaming it would never arrive.
    if (heard !== '') break;
  }
  assert.equal(heard, 'first ');
});

test('[CH03] adds the usage in an event of its own when it is asked for', async () => {
  const { events } = readEvents(
    await (await post({ ...ask('test/echo'), stream_options: { include_usage: true } })).text(),
  );
  const last = events.pop();
  assert.deepEqual(last?.choices, []);
  assert.deepEqual(last?.usage, { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 });
  assert.ok(events.length > 0 && events.every(({ usage }) => usage === null));
});

test('[CH03] refuses stream_options without a stream', async () => {
  const response = await post({ ...ask('test/echo'), stream: false, stream_options: { include_usage: true } });
  const { error } = (await response.json()) as { error: { param: string } };
  assert.deepEqual([response.status, error.param], [400, 'stream_options']);
});

test('[CH04] satisfies the helper that assembles a completion from the stream', async () => {
  const runner = client.chat.completions.stream({ ...ask('test/echo'), stream_options: { include_usage: true } });
  const completion = await runner.finalChatCompletion();
  assert.deepEqual(
    [completion.choices[0]?.message.content, completion.choices[0]?.finish_reason, completion.usage?.total_tokens],
    ['one two three', 'stop', 6],
  );
});

test('[CH05] keeps every character whole, whatever the pieces and however few bytes arrive at a time', async () => {
  const slow = pool.client({
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      const oneByOne = new TransformStream<Uint8Array, Uint8Array>({
        transform: (bytes, controller) => {
          for (let at = 0; at < bytes.length; at += 1) controller.enqueue(bytes.subarray(at, at + 1));
        },
      });
      return new Response(response.body?.pipeThrough(oneByOne), response);
    },
  });
  let text = '';
  for await (const chunk of await slow.chat.completions.create({ ...ask('test/pieces'), stream: true })) {
    text += chunk.choices[0]?.delta.content ?? '';
  }
  assert.equal(text, PIECES.join(''));
  const whole = await client.chat.completions.create(ask('test/pieces'));
  assert.equal(whole.choices[0]?.message.content, PIECES.join(''));
});

test('[CH08] gives a finish reason also when the model says nothing', async () => {
  const { events, isDone } = readEvents(await (await post(ask('test/silent'))).text());
  assert.deepEqual(
    events.map(({ choices }) => [choices[0]?.delta.role, choices[0]?.finish_reason]),
    [
      ['assistant', null],
      [undefined, 'stop'],
    ],
  );
  assert.equal(isDone, true);
});

test('[CH13] ends a stream by length', async () => {
  const { events } = readEvents(await (await post(ask('test/lengthy'))).text());
  assert.equal(events.at(-1)?.choices[0]?.finish_reason, 'length');
});

test('[X15] streams because the body says so, whatever Accept says', async () => {
  for (const accept of ['application/json', 'text/event-stream', '*/*', 'image/png']) {
    const streamed = await post(ask('test/noop'), { accept });
    assert.match(streamed.headers.get('content-type') ?? '', /^text\/event-stream/);
    assert.ok(readEvents(await streamed.text()).isDone);
    for (const stream of [false, null, undefined]) {
      const whole = await post({ ...ask('test/noop'), stream }, { accept });
      assert.match(whole.headers.get('content-type') ?? '', /^application\/json/);
      await whole.text();
    }
  }
});

test('[X16] neither compresses a stream nor lets a proxy hold or keep it', async () => {
  const response = await post(ask('test/echo'), { 'accept-encoding': 'gzip, deflate, br' });
  assert.equal(response.headers.get('content-encoding'), null);
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  assert.match(response.headers.get('cache-control') ?? '', /no-cache.*no-transform/);
  await response.text();
});

test('[X09] carries the request id on a stream', async () => {
  const response = await post(ask('test/echo'), { 'x-request-id': 'mine-1' });
  assert.equal(response.headers.get('x-request-id'), 'mine-1');
  const stream = await client.chat.completions.create({ ...ask('test/echo'), stream: true }).withResponse();
  assert.match(stream.request_id ?? '', /^req_/);
  for await (const _ of stream.data);
  await response.text();
});

test('leaves the connection open for the next request after a stream', async () => {
  const body = JSON.stringify({ ...ask('test/noop'), stream: true });
  const headers = ['Content-Type: application/json', 'Connection: keep-alive'];
  const first = requestBytes(pool, { method: 'POST', path: '/v1/chat/completions', headers, body });
  const answer = await exchange(pool, first + requestBytes(pool, { path: '/v1/models/test/noop' }));
  assert.match(answer.body, /data: \[DONE\]\n\n\r\n0\r\n\r\nHTTP\/1\.1 200 OK/);
});
