import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { NodeDetails, NodeHealth, NodePage } from '../../../../shared/api/nodes.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { joinScriptedNode } from '../../../support/nodes/scripted-node.ts';
import { startPool } from '../../../support/pool.ts';
import { ask, askAsAdmin } from '../../../support/pool-admin.ts';
import { until } from '../../../support/until.ts';

const pool = await startPool();
after(() => pool.close());
const attic = await pool.addNode({ name: 'attic', slots: 2 });
const gone = await pool.addNode({ name: 'gone' });
await gone.agent.close();
await until(() => !pool.relay.nodes().includes(gone.nodeId));

const chat = (model: string) => ({ model, messages: [{ role: 'user', content: 'x' }] });

test('lists the nodes by id, connected or not, page by page', async () => {
  const { body } = await ask<NodePage>(pool, '/v1/nodes');
  assert.deepEqual(
    body.data.map(({ id, name, status, connected }) => [id, name, status, connected]),
    [
      [attic.nodeId, 'attic', 'ready', true],
      [gone.nodeId, 'gone', 'offline', false],
    ],
  );
  assert.equal(body.next, null);
  const first = (await ask<NodePage>(pool, '/v1/nodes?limit=1')).body;
  assert.deepEqual([first.data.map(({ id }) => id), first.next], [[attic.nodeId], attic.nodeId]);
  const second = (await ask<NodePage>(pool, `/v1/nodes?limit=1&after=${first.next}`)).body;
  assert.deepEqual([second.data.map(({ id }) => id), second.next], [[gone.nodeId], null]);
  for (const limit of ['0', '1001', 'x', '-1']) {
    assert.equal((await ask<ErrorBody>(pool, `/v1/nodes?limit=${limit}`)).status, 400, limit);
  }
});

test('shows a node by id or slug with what it says of itself, and knows no other', async () => {
  for (const name of [attic.nodeId, 'attic']) {
    const { body } = await ask<NodeDetails>(pool, `/v1/nodes/${name}`);
    assert.deepEqual([body.id, body.slots, body.epoch], [attic.nodeId, { total: 2, used: 0 }, 1]);
    assert.ok(body.models.some((model) => model.name === 'test/echo'));
    assert.ok(body.round_trip_ms !== null && body.round_trip_ms >= 0);
    assert.ok(body.document !== null && body.capabilities.includes('llm'));
  }
  for (const path of ['/v1/nodes/attik', '/v1/nodes/attik/health', '/v1/nodes/__proto__', '/v1/nodes/*']) {
    const { status, body } = await ask<ErrorBody>(pool, path);
    assert.deepEqual([status, body.code], [404, 'node_not_found'], path);
  }
  assert.match((await ask<ErrorBody>(pool, '/v1/nodes/attik')).body.detail, /Did you mean attic-/);
});

test('asks for the id when several nodes share a slug', async (t) => {
  const twins = [
    await joinScriptedNode(t, pool.relay, { name: 'twin' }),
    await joinScriptedNode(t, pool.relay, { name: 'twin' }),
  ];
  const { status, body } = await ask<ErrorBody>(pool, '/v1/nodes/twin');
  assert.deepEqual([status, body.code], [400, 'invalid_value']);
  assert.ok(body.detail.includes(twins[0]?.nodeId ?? '?'));
});

test('tells how healthy a node is, and what was measured of it', async () => {
  await ask(pool, '/v1/chat/completions', { ...chat('test/ten-ms'), max_tokens: 4 });
  const { body } = await ask<NodeHealth>(pool, `/v1/nodes/${attic.nodeId}/health`);
  assert.deepEqual([body.status, body.healthy, body.reasons], ['ready', true, []]);
  assert.deepEqual(body.attempts, { succeeded: 1, failed: 0 });
  assert.ok((body.lease_left_ms ?? 0) > 0 && body.heard_ms_ago !== null);
  const [measured] = body.models;
  assert.ok(measured?.model === 'test/ten-ms' && measured.samples === 1 && (measured.tokens_per_s ?? 0) > 0);
  const offline = (await ask<NodeHealth>(pool, `/v1/nodes/${gone.nodeId}/health`)).body;
  assert.deepEqual([offline.status, offline.healthy, offline.lease_left_ms], ['offline', false, null]);
  assert.match(offline.reasons[0] ?? '', /no open session/);
});

test('[T2] gives a cordoned node no new job, shows why and since when, and gives it jobs again', async () => {
  const before = Date.now();
  const cordoned = await askAsAdmin<NodeDetails>(pool, '/v1/admin/nodes/attic/cordon', { reason: 'a new card' });
  assert.deepEqual([cordoned.body.status, cordoned.body.reason], ['cordoned', 'a new card']);
  const since = cordoned.body.since ?? 0;
  assert.ok(since >= before);
  const refused = await ask<ErrorBody>(pool, '/v1/chat/completions', chat('test/noop'));
  assert.deepEqual([refused.status, refused.body.code], [503, 'no_capacity']);
  const again = await askAsAdmin<NodeDetails>(pool, '/v1/admin/nodes/attic/cordon', {});
  assert.equal(again.body.since, since, 'saying it again does not make it new');
  const health = (await ask<NodeHealth>(pool, '/v1/nodes/attic/health')).body;
  assert.equal(health.healthy, false);
  const open = await askAsAdmin<NodeDetails>(pool, '/v1/admin/nodes/attic/uncordon', {});
  assert.deepEqual([open.body.status, open.body.reason], ['ready', null]);
  assert.equal((await ask(pool, '/v1/chat/completions', chat('test/noop'))).status, 200);
});

test('[T2] drains a node: its running job goes on, new ones do not come, and the answer waits for the end', async (t) => {
  const node = await joinScriptedNode(t, pool.relay, { name: 'leaving', models: ['test/leaving'], slots: 2 });
  const running = ask(pool, '/v1/chat/completions', chat('test/leaving'));
  const job = await node.jobs.next();
  const path = `/v1/admin/nodes/${node.nodeId}/drain`;
  const overdue = await askAsAdmin<NodeDetails>(pool, path, { reason: 'moving', deadline_ms: 0 });
  assert.deepEqual([overdue.body.status, overdue.body.slots.used, overdue.body.reason], ['draining', 1, 'moving']);
  assert.equal((await ask<ErrorBody>(pool, '/v1/chat/completions', chat('test/leaving'))).body.code, 'no_capacity');
  const drained = askAsAdmin<NodeDetails>(pool, path, { reason: 'moving', deadline_ms: 60_000 });
  job.done({ text: 'the last one' });
  assert.equal((await running).status, 200);
  assert.deepEqual([(await drained).body.status, (await drained).body.slots.used], ['drained', 0]);
  assert.equal(node.jobs.all.length, 1);
});

test('sets labels and takes them away, and refuses what is no label', async () => {
  const path = '/v1/admin/nodes/attic/labels';
  await askAsAdmin(pool, path, { labels: { room: 'attic', site: 'home' } });
  const { body } = await askAsAdmin<NodeDetails>(pool, path, { labels: { site: null, rack: '2' } });
  assert.deepEqual(body.labels, { room: 'attic', rack: '2' });
  const many = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`l${i}`, 'x']));
  for (const labels of [{ 'Not a name': 'x' }, { a: 5 }, { a: 'x'.repeat(65) }, many]) {
    assert.equal((await askAsAdmin<ErrorBody>(pool, path, { labels })).status, 400);
  }
  assert.deepEqual((await ask<NodeDetails>(pool, '/v1/nodes/attic')).body.labels, { room: 'attic', rack: '2' });
});

test('lets nobody but the operator change a node', async () => {
  for (const action of ['cordon', 'uncordon', 'drain', 'labels']) {
    const path = `/v1/admin/nodes/attic/${action}`;
    const { status, body } = await ask<ErrorBody>(pool, path, action === 'labels' ? { labels: {} } : {});
    assert.deepEqual([status, body.code], [403, 'insufficient_scope'], action);
    const unknown = await askAsAdmin<ErrorBody>(pool, `/v1/admin/nodes/nobody/${action}`, { labels: {} });
    assert.ok([400, 404].includes(unknown.status), action);
  }
  const { body } = await askAsAdmin<ErrorBody>(pool, '/v1/admin/nodes/nobody/cordon', {});
  assert.equal(body.code, 'node_not_found');
});
