import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Task } from '../../../../shared/api/nodes.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { joinScriptedNode } from '../../../support/nodes/scripted-node.ts';
import { startPool } from '../../../support/pool.ts';
import { ask, askAsAdmin } from '../../../support/pool-admin.ts';
import { until } from '../../../support/until.ts';

const pool = await startPool();
after(() => pool.close());
const attic = await pool.addNode({ name: 'attic' });
const cellar = await pool.addNode({ name: 'cellar' });

async function ended(id: string): Promise<Task> {
  let task: Task | undefined;
  await until(async () => {
    task = (await ask<Task>(pool, `/v1/tasks/${id}`)).body;
    return task.state !== 'running';
  });
  return task as Task;
}

async function submit(node: string, body: Record<string, unknown>) {
  const { status, body: task } = await ask<Task>(pool, `/v1/nodes/${node}/tasks`, body);
  assert.equal(status, 202, JSON.stringify(task));
  return task;
}

test('[T6] runs a task on exactly the node it names, and keeps its result to be fetched by its id', async () => {
  for (const { name, nodeId, runtime } of [
    { name: 'cellar', ...cellar },
    { name: attic.nodeId, ...attic },
  ]) {
    const before = runtime.jobs.length;
    const task = await submit(name, { type: 'llm', model: 'test/echo', input: 'hello there' });
    assert.deepEqual([task.node, task.state, task.result], [nodeId, 'running', null]);
    assert.match(task.id, /^task_/);
    const { state, result, result_kept, problem } = await ended(task.id);
    assert.deepEqual([state, result_kept, problem], ['succeeded', true, null]);
    assert.deepEqual((result as { text: string }).text, 'hello there');
    assert.equal(runtime.jobs.length, before + 1);
  }
});

test('takes the input of a type in the form of its own endpoint, and the first model of the type', async () => {
  const chat = { messages: [{ role: 'user', content: 'a b' }], max_tokens: 9 };
  const asked = await ended((await submit('attic', { service: 'llm', model: 'test/echo', input: chat })).id);
  assert.equal((asked.result as { text: string }).text, 'a b');
  const vectors = await ended((await submit('attic', { type: 'embed', input: ['ab', 'abcd'] })).id);
  assert.equal(vectors.model, 'test/vectors');
  const { embeddings } = vectors.result as { embeddings: number[][] };
  assert.deepEqual(
    embeddings.map(([first]) => first),
    [2, 4],
  );
});

test('refuses a task that no node could run, with the place at fault', async () => {
  const wrong: [Record<string, unknown>, string, string | null][] = [
    [{ input: 'x' }, 'missing_required_parameter', 'type'],
    [{ type: 'chess', input: 'x' }, 'invalid_value', 'type'],
    [{ type: 'llm', service: 'embed', input: 'x' }, 'invalid_value', 'service'],
    [{ type: 'llm', model: 'test/unheard', input: 'x' }, 'model_not_found', 'model'],
    [{ type: 'llm', model: 'test/vectors', input: 'x' }, 'model_not_found', 'model'],
    [{ type: 'llm', input: 5 }, 'invalid_value', 'input'],
    [{ type: 'llm', input: { messages: 'x' } }, 'invalid_value', 'input.messages'],
    [{ type: 'embed', input: [] }, 'invalid_value', 'input.input'],
    [{ type: 'llm', input: { messages: [{ role: 'user', content: 'x' }], n: 2 } }, 'unsupported_parameter', 'n'],
    [{ type: 'llm' }, 'missing_required_parameter', 'input'],
  ];
  for (const [body, code, param] of wrong) {
    const answer = (await ask<ErrorBody>(pool, '/v1/nodes/attic/tasks', body)).body;
    assert.deepEqual([answer.code, answer.error?.param], [code, param], JSON.stringify(body));
  }
  const unknown = await ask<ErrorBody>(pool, '/v1/nodes/nobody/tasks', { type: 'llm', input: 'x' });
  assert.deepEqual([unknown.status, unknown.body.code], [404, 'node_not_found']);
});

test('[T6] a task does not move to another node when its own fails, and says why it failed', async (t) => {
  const model = 'test/task-only';
  const own = await joinScriptedNode(t, pool.relay, { name: 'own', models: [model] });
  const other = await joinScriptedNode(t, pool.relay, { name: 'other', models: [model] });
  const task = await submit(own.nodeId, { type: 'llm', model, input: 'x' });
  (await own.jobs.next()).fail('node_fault', 'It is on fire.');
  const { state, problem } = await ended(task.id);
  assert.deepEqual([state, problem?.code, problem?.detail], ['failed', 'node_fault', 'It is on fire.']);
  assert.equal(other.jobs.all.length, 0);
});

test('[T6] shows a task to nobody but its key and the operator', async () => {
  const { body } = await askAsAdmin<Task>(pool, '/v1/nodes/attic/tasks', {
    type: 'llm',
    model: 'test/noop',
    input: 'x',
  });
  await until(async () => (await askAsAdmin<Task>(pool, `/v1/tasks/${body.id}`)).body.state === 'succeeded');
  for (const id of [body.id, 'task_nonsense', body.job]) {
    const stranger = await ask<ErrorBody>(pool, `/v1/tasks/${id}`);
    assert.deepEqual([stranger.status, stranger.body.code], [404, 'task_not_found']);
  }
});

test('refuses a task for a node that is not connected, now rather than later', async () => {
  const passing = await pool.addNode({ name: 'passing' });
  await passing.agent.close();
  await until(() => !pool.relay.nodes().includes(passing.nodeId));
  const { status, body } = await ask<ErrorBody>(pool, '/v1/nodes/passing/tasks', { type: 'llm', input: 'x' });
  assert.deepEqual([status, body.code], [503, 'no_capacity']);
});
