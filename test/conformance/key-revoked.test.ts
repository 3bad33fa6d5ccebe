import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import type { JobPage } from '../../shared/api/jobs.ts';
import type { ApiKeyList, CreatedKey, RevokedKey } from '../../shared/api/keys.ts';
import type { Task } from '../../shared/api/nodes.ts';
import type { ErrorBody } from '../../shared/problems/http.ts';
import { makeBatch } from '../support/batches.ts';
import { makeKey } from '../support/keys.ts';
import { dial, readAnswer, requestBytes } from '../support/network/raw-http.ts';
import { type Pool, startPool, startTestPool } from '../support/pool.ts';
import { ask, askAsAdmin } from '../support/pool-admin.ts';
import { until } from '../support/until.ts';

const pool = await startPool();
after(() => pool.close());
const node = await pool.addNode();

const MESSAGES = [{ role: 'user' as const, content: 'x' }];
const TASK = { type: 'llm', model: 'test/stuck', input: { messages: MESSAGES } };

async function revoke({ id }: CreatedKey, on: Pool = pool): Promise<RevokedKey> {
  const headers = { authorization: `Bearer ${on.relay.adminToken}` };
  const response = await on.request(`/v1/admin/keys/${id}`, { method: 'DELETE', headers });
  assert.equal(response.status, 200);
  return (await response.json()) as RevokedKey;
}

async function jobsOf({ id }: CreatedKey): Promise<JobPage['data']> {
  return (await askAsAdmin<JobPage>(pool, '/v1/jobs?limit=100')).body.data.filter(({ apiKeyId }) => apiKeyId === id);
}

async function lastUseOf({ id }: CreatedKey): Promise<number> {
  const { data } = (await askAsAdmin<ApiKeyList>(pool, '/v1/admin/keys')).body;
  return data.find((one) => one.id === id)?.last_used_at ?? 0;
}

/** Sends a request but for the end of its body, until the relay has let its key in, and returns how to send the rest. */
async function sendSlowly(key: CreatedKey, path: string, body: object): Promise<() => Socket> {
  const before = await lastUseOf(key);
  await until(() => Date.now() > before);
  const socket = dial(pool);
  const headers = ['Content-Type: application/json'];
  const text = requestBytes(pool, { method: 'POST', path, headers, body: JSON.stringify(body) });
  const bytes = text.replace(pool.relay.apiKey, key.key);
  socket.write(bytes.slice(0, -5));
  await until(async () => (await lastUseOf(key)) > before);
  return () => {
    socket.write(bytes.slice(-5));
    return socket;
  };
}

test('whatever of a key is under way ends when it is revoked: streams, answers that are waited for, and tasks', async () => {
  const key = await makeKey(pool, {});
  const client = pool.client({ apiKey: key.key });
  const stream = await client.chat.completions.create({ model: 'test/stuck', messages: MESSAGES, stream: true });
  const whole = client.chat.completions.create({ model: 'test/stuck', messages: MESSAGES });
  const refused = assert.rejects(
    whole,
    (error: unknown) => error instanceof OpenAI.APIError && error.code === 'cancelled',
  );
  const { body: task } = await ask<Task>(pool, `/v1/nodes/${node.nodeId}/tasks`, TASK, key.key);
  const other = pool.client().chat.completions.create({ model: 'test/ten-ms', messages: MESSAGES, max_tokens: 20 });
  await until(async () => (await jobsOf(key)).filter(({ state }) => state === 'running').length === 3);
  assert.equal((await revoke(key)).cancelled_jobs, 3);
  await assert.rejects(async () => {
    for await (const _ of stream);
  }, /The key of the job was revoked/);
  await refused;
  assert.equal((await askAsAdmin<Task>(pool, `/v1/tasks/${task.id}`)).body.state, 'cancelled');
  const ended = await jobsOf(key);
  assert.deepEqual(new Set(ended.map(({ state }) => state)), new Set(['cancelled']));
  assert.ok((await other).choices[0]?.message.content, 'nobody else is cut off');
  assert.equal((await revoke(key)).cancelled_jobs, 0);
});

test('a task that waits for approval ends with its key, and cannot be approved any more', async (t) => {
  const own = await startTestPool(t, { supervised: true });
  const { nodeId } = await own.addNode();
  const key = await makeKey(own, {});
  const { body: task } = await ask<Task>(own, `/v1/nodes/${nodeId}/tasks`, TASK, key.key);
  assert.equal(task.state, 'awaiting_approval');
  assert.equal((await revoke(key, own)).cancelled_jobs, 1);
  await until(async () => (await askAsAdmin<Task>(own, `/v1/tasks/${task.id}`)).body.state === 'cancelled');
  assert.deepEqual((await askAsAdmin<{ data: unknown[] }>(own, '/v1/admin/tasks')).body.data, []);
});

test('a request whose body comes after its key was revoked brings no work, however it asks', async () => {
  const asked: [string, object][] = [
    ['/v1/chat/completions', { model: 'test/noop', messages: MESSAGES }],
    ['/v1/completions', { model: 'test/noop', prompt: ['a', 'b'] }],
    ['/v1/embeddings', { model: 'test/vectors', input: 'x' }],
    ['/v1/jobs', { service: 'llm/inference', model: 'test/noop', input: 'x' }],
    [`/v1/nodes/${node.nodeId}/tasks`, { ...TASK, model: 'test/noop' }],
  ];
  for (const [path, body] of asked) {
    const key = await makeKey(pool, {});
    const finish = await sendSlowly(key, path, body);
    await revoke(key);
    const { status, body: text } = await readAnswer(finish());
    const { code, detail } = JSON.parse(text) as ErrorBody;
    assert.deepEqual([path, status, code], [path, 401, 'invalid_api_key']);
    assert.match(detail, /was revoked/);
    assert.deepEqual(await jobsOf(key), []);
  }
});

test('a batch whose request is on its way when its key is revoked, or replaced at once, is not made', async () => {
  const key = await makeKey(pool, {});
  const line = {
    custom_id: 'a',
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: 'test/noop', messages: MESSAGES },
  };
  const made = await makeBatch(pool.client({ apiKey: key.key }), [JSON.stringify(line)]);
  const again = { input_file_id: made.input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' };
  const finish = await sendSlowly(key, '/v1/batches', again);
  const { body: next } = await askAsAdmin<CreatedKey>(pool, `/v1/admin/keys/${key.id}/rotate`, { overlap_s: 0 });
  const { status, body } = await readAnswer(finish());
  assert.deepEqual([status, (JSON.parse(body) as ErrorBody).code], [401, 'invalid_api_key']);
  const { data } = await pool.client({ apiKey: next.key }).batches.list();
  assert.deepEqual(
    data.map(({ id }) => id),
    [made.id],
  );
});
