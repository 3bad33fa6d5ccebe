/** A line of a batch is answered as the route answers that it is for: the same body, but for ids and times. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Problem } from '../../shared/problems/problem.ts';
import type { TokenLogprob } from '../../shared/protocol/messages.ts';
import { bodyOf, type Endpoint, endOfBatch, lineOf, makeBatch, rowsOf } from '../support/batches.ts';
import { startPool } from '../support/pool.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';

const probability = (token: string): TokenLogprob => {
  const said = { token, logprob: -0.5, bytes: [...Buffer.from(token)] };
  return { ...said, top: [said, { ...said, token: ' other', logprob: -1 }] };
};
const runtime = createScriptedRuntime({
  'test/caller': (_job, output) => {
    output.text('Let me see. ', 3);
    output.toolCall({ index: 0, name: 'add', arguments: '{"a":', tokens: 2 });
    output.toolCall({ index: 0, arguments: '1}', tokens: 2 });
    return 'tool_calls';
  },
  'test/counts': ({ input }, output) => {
    for (let choice = 0; choice < (input.choices ?? 1); choice++) {
      for (const token of [' one', ' 漢']) {
        output.text(token, 1, { choice, logprobs: input.topLogprobs === undefined ? [] : [probability(token)] });
      }
    }
    return 'length';
  },
  'test/object': (_job, output) => {
    output.text('{"a":1}', 3);
    return 'stop';
  },
  'test/long': () => {
    throw new Problem('context_length_exceeded', 'It is too long.', { param: 'messages' });
  },
});
const pool = await startPool();
after(() => pool.close());
await pool.addNode();
await pool.addNode({ name: 'scripted', runtime });
const client = pool.client();

const messages = [{ role: 'user', content: 'x' }];
const tool = { name: 'add', parameters: { type: 'object', properties: { a: { type: 'integer' } } } };
const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false };
const CASES: Partial<Record<Endpoint, Record<string, object>>> = {
  '/v1/chat/completions': {
    tools: { model: 'test/caller', messages, tools: [{ type: 'function', function: tool }] },
    choices: { model: 'test/counts', messages, n: 3, stop: ['!'], seed: 7 },
    logprobs: { model: 'test/counts', messages, logprobs: true, top_logprobs: 1 },
    format: {
      model: 'test/object',
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'one', schema, strict: true } },
    },
    'too long': { model: 'test/long', messages },
  },
  '/v1/embeddings': {
    text: { model: 'test/vectors', input: 'abc' },
    several: { model: 'test/vectors', input: ['abc', 'abcdef'] },
    tokens: { model: 'test/vectors', input: [[1, 2, 3], [4]] },
    base64: { model: 'test/vectors', input: ['abc'], encoding_format: 'base64' },
    dimensions: { model: 'test/vectors', input: 'abc', dimensions: 4 },
    'other dimensions': { model: 'test/vectors', input: 'abc', dimensions: 7 },
    'a model of chats': { model: 'test/echo', input: 'abc' },
    'no input': { model: 'test/vectors' },
  },
  '/v1/completions': {
    text: { model: 'test/counts', prompt: 'Count:' },
    'echo and logprobs': { model: 'test/counts', prompt: 'Count:', n: 2, logprobs: 1 },
    echo: { model: 'test/counts', prompt: ['Count:'], echo: true },
    'no prompt': { model: 'test/counts', prompt: '' },
  },
  '/v1/responses': {
    text: { model: 'test/counts', input: 'Count', instructions: 'Aloud.' },
    tools: { model: 'test/caller', input: 'Add', tools: [{ type: 'function', ...tool }] },
    stored: { model: 'test/counts', input: 'x', previous_response_id: 'resp_1' },
    'too long': { model: 'test/long', input: 'x' },
  },
};

/** Without what no two answers have in common. */
function comparable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, member) => {
    if (['id', 'call_id', 'created', 'created_at', 'request_id'].includes(key)) return typeof member;
    return member;
  });
}

for (const [endpoint, bodies] of Object.entries(CASES)) {
  test(`a line for ${endpoint} is answered as the route answers`, async () => {
    const made = await makeBatch(
      client,
      Object.entries(bodies).map(([id, body]) => lineOf(id, body, endpoint)),
      { endpoint: endpoint as Endpoint },
    );
    const batch = await endOfBatch(client, made.id);
    const { done, not } = await rowsOf(client, batch);
    assert.equal(batch.status, 'completed', JSON.stringify(batch.errors));
    assert.equal(done.length + not.length, Object.keys(bodies).length);
    for (const { custom_id: id, response } of [...done, ...not]) {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(bodies[id]),
      };
      const direct = await pool.request(endpoint, init);
      assert.equal(response?.status_code, direct.status, id);
      assert.deepEqual(comparable(response?.body), comparable(await direct.json()), id);
    }
    assert.ok(done.length > 0);
  });
}

test('what only a route of its own can give is refused line by line', async () => {
  const bodies = [
    { model: 'test/counts', prompt: 'x', stream: true },
    { model: 'test/counts', prompt: ['one', 'two'] },
  ];
  const lines = bodies.map((body, at) => lineOf(`${at}`, body, '/v1/completions'));
  const made = await makeBatch(client, lines, { endpoint: '/v1/completions' });
  const { not } = await rowsOf(client, await endOfBatch(client, made.id));
  assert.deepEqual(
    not.map((row) => {
      const { error } = bodyOf(row);
      return [row.response?.status_code, error.code, error.param];
    }),
    [
      [400, 'unsupported_parameter', 'stream'],
      [400, 'unsupported_parameter', 'prompt'],
    ],
  );
});
