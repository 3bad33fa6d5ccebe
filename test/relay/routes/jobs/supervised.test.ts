import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Job, JobPage } from '../../../../shared/api/jobs.ts';
import type { PendingTaskDetails, PendingTasks, Task } from '../../../../shared/api/nodes.ts';
import type { AdminStats } from '../../../../shared/api/stats.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { type Pool, type PoolNode, startPool } from '../../../support/pool.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

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

test('the operator finds what waits among the jobs of every key, and how much in the numbers', async () => {
  const service = { service: 'llm/inference', model: 'test/echo' };
  const { body: job } = await ask<Job>('/v1/jobs', { body: { ...service, input: 'shall I?' } });
  const task = await send('and I?');
  const list = async (query: string) => (await ask<JobPage>(`/v1/admin/jobs${query}`, { admin: true })).body.data;
  const waiting = async () => (await ask<AdminStats>('/v1/admin/stats', { admin: true })).body.approvals;
  assert.deepEqual(
    (await list('?state=awaiting_approval')).map(({ id }) => id),
    [job.id],
  );
  assert.deepEqual((await list('')).map(({ id }) => id).includes(job.id), true);
  assert.deepEqual(await list('?state=queued'), []);
  assert.equal(await waiting(), 2);
  await ask(`/v1/admin/jobs/${job.id}/approve`, { method: 'POST', admin: true });
  await ask(`/v1/admin/tasks/${task.id}/refuse`, { body: {}, admin: true });
  assert.equal(await waiting(), 0);
  await until(async () => (await ask<Job>(`/v1/jobs/${job.id}`)).body.state === 'succeeded');
  assert.deepEqual(await list('?state=awaiting_approval'), []);
  assert.equal((await ask('/v1/admin/jobs')).status, 403);
  assert.deepEqual((await list('?state=succeeded,failed')).map(({ id }) => id).includes(job.id), true);
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

test('[T8] an agent is told at once that a person must approve its task, also when it wants to wait', async () => {
  const args = { action: 'send', node_id: 'attic', model: 'test/echo', task: 'hello', wait: true };
  const { result } = await callTool(args);
  assert.match(
    result.structuredContent.output,
    /^Task task_\w+ waits until a person approves it\. Nothing has been sent/,
  );
  const { id, state } = result.structuredContent.data;
  assert.deepEqual([result.isError, state], [false, 'awaiting_approval']);
  await ask(`/v1/admin/tasks/${id}/approve`, { body: {}, admin: true });
  await until(async () => (await find(id)).state === 'succeeded');
});

type ToolAnswer = { result: { isError: boolean; structuredContent: { output: string; data: Task } } };

async function callTool(args: object): Promise<ToolAnswer> {
  const response = await pool.request('/mcp', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'nodes', arguments: args } }),
  });
  const text = await response.text();
  return JSON.parse(text.slice(text.indexOf('{'))) as ToolAnswer;
}

test('[T8] a task that finds no room among those that wait is refused at once', async () => {
  const sent: Task[] = [];
  const order = { body: { type: 'llm', model: 'test/echo', input: 'hello' } };
  let full = await ask<Task & ErrorBody>('/v1/nodes/attic/tasks', order);
  while (full.status === 202) {
    sent.push(full.body);
    full = await ask<Task & ErrorBody>('/v1/nodes/attic/tasks', order);
  }
  assert.deepEqual([full.status, full.body.code, sent.length], [429, 'queue_full', 200]);
  for (const { id } of sent) await ask(`/v1/tasks/${id}`, { method: 'DELETE' });
});

test('[T8] what waited when the relay was restarted did not run, and whoever asks is told why it is gone', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ supervised: true, dataFolder });
  const { runtime } = await first.addNode({ name: 'attic' });
  const response = await first.request('/v1/nodes/attic/tasks', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'llm', model: 'test/echo', input: 'hello' }),
  });
  const { id } = (await response.json()) as Task;
  await first.close();
  const second = await startPool({ supervised: true, dataFolder });
  t.after(() => second.close());
  const answer = await second.request(`/v1/tasks/${id}`);
  const { code, detail } = (await answer.json()) as ErrorBody;
  assert.deepEqual([answer.status, code, runtime.jobs.length], [404, 'task_not_found', 0]);
  assert.match(detail, /gone when the relay restarts/);
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
