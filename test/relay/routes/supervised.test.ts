import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PendingTaskDetails, PendingTasks, Task } from '../../../shared/api/nodes.ts';
import type { ErrorBody } from '../../../shared/problems/http.ts';
import { type Pool, type PoolNode, startPool, until } from '../../support/pool.ts';

let pool: Pool;
let node: PoolNode;
before(async () => {
  pool = await startPool({ supervised: true });
  node = await pool.addNode({ name: 'attic' });
});
after(() => pool.close());

const JSON_BODY = { 'content-type': 'application/json' };

async function ask<Answer>(path: string, init: { method?: string; body?: unknown; admin?: boolean } = {}) {
  const key = init.admin === true ? pool.relay.adminToken : pool.relay.apiKey;
  const response = await pool.request(path, {
    method: init.method ?? (init.body === undefined ? 'GET' : 'POST'),
    headers: { authorization: `Bearer ${key}`, ...(init.body === undefined ? {} : JSON_BODY) },
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

const send = async (input: string): Promise<Task> =>
  (await ask<Task>('/v1/nodes/attic/tasks', { body: { type: 'llm', model: 'test/echo', input } })).body;
const find = async (id: string): Promise<Task> => (await ask<Task>(`/v1/tasks/${id}`)).body;

test('[T8] nothing reaches the node before the operator has approved the task', async () => {
  const sent = await send('hello');
  assert.equal(sent.state, 'awaiting_approval');
  const { body: list } = await ask<PendingTasks>('/v1/admin/tasks', { admin: true });
  assert.deepEqual(
    list.data.map(({ id }) => id),
    [sent.id],
  );
  assert.equal(node.runtime.jobs.length, 0);
  const { body: seen } = await ask<PendingTaskDetails>(`/v1/admin/tasks/${sent.id}`, { admin: true });
  assert.match(JSON.stringify(seen.input), /hello/);
  const approve = { body: { input_sha256: seen.input_sha256 }, admin: true };
  assert.equal((await ask(`/v1/admin/tasks/${sent.id}/approve`, approve)).status, 200);
  await until(async () => (await find(sent.id)).state === 'succeeded');
  assert.match(JSON.stringify((await find(sent.id)).result), /hello/);
});

test('[T8] a client may not approve its own task, and hears the operator’s reason', async () => {
  const sent = await send('hello');
  const own = await ask<ErrorBody>(`/v1/admin/tasks/${sent.id}/approve`, { body: {} });
  assert.equal(own.status, 403);
  await ask(`/v1/admin/tasks/${sent.id}/refuse`, { body: { reason: 'too late' }, admin: true });
  await until(async () => (await find(sent.id)).state === 'refused');
  const { problem } = await find(sent.id);
  assert.deepEqual([problem?.code, problem?.detail], ['task_refused', 'The operator refused the task: too late']);
});

test('[T8] a client can take back what it asked for, by either verb', async () => {
  for (const end of [
    { method: 'DELETE', path: '' },
    { method: 'POST', path: '/cancel' },
  ]) {
    const { id } = await send('hello');
    const { body } = await ask<Task>(`/v1/tasks/${id}${end.path}`, { method: end.method });
    assert.equal(body.state, 'cancelled');
    assert.equal((await ask<Task>(`/v1/tasks/${id}${end.path}`, { method: end.method })).body.state, 'cancelled');
  }
  assert.deepEqual((await ask<PendingTasks>('/v1/admin/tasks', { admin: true })).body.data, []);
});

test('[T8] a relay without supervision says so', async (t) => {
  const free = await startPool();
  t.after(() => free.close());
  const headers = { authorization: `Bearer ${free.relay.adminToken}` };
  const response = await free.request('/v1/admin/tasks/task_1/approve', {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{}',
  });
  assert.equal(response.status, 404);
  assert.match(((await response.json()) as { detail: string }).detail, /--supervised/);
  assert.deepEqual(await (await free.request('/v1/admin/tasks', { headers })).json(), { data: [], next: null });
});
