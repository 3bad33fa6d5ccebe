import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { NodeDetails } from '../../../../shared/api/nodes.ts';
import type { RouteExplanation } from '../../../../shared/api/routing.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { adminPost, makeCode, startRemoteAgent } from '../../../support/pairing.ts';
import { startPool } from '../../../support/pool.ts';
import { type Answered, ask, askAsAdmin } from '../../../support/pool-admin.ts';
import { createSyntheticRuntime } from '../../../support/runtimes/synthetic-runtime.ts';
import { until } from '../../../support/until.ts';

const pool = await startPool({ open: true });
after(() => pool.close());

let strangers = 0;

/** A node that came uninvited, alone with a model of its own name. */
async function joinStranger(t: Parameters<typeof startRemoteAgent>[0], runtime = createSyntheticRuntime()) {
  strangers += 1;
  const agent = startRemoteAgent(t, pool.relay.url, { name: `stranger-${strangers}`, slots: 4, runtime });
  const nodeId = await agent.ready;
  return nodeId;
}

const chat = (model: string, routing: Record<string, unknown> = {}) => ({
  model,
  messages: [{ role: 'user', content: 'x' }],
  routing: { max_wait_ms: 0, ...routing },
});
const send = (model: string, routing: Record<string, unknown> = {}): Promise<Answered<ErrorBody>> =>
  ask<ErrorBody>(pool, '/v1/chat/completions', chat(model, routing));
const servedBy = async (routing: Record<string, unknown> = {}): Promise<string | null> =>
  (await send('test/noop', routing)).headers.get('x-sparewatt-node');

/** Keeps one slot of a node taken until the test ends. */
async function occupy(t: Parameters<typeof startRemoteAgent>[0], nodeId: string): Promise<void> {
  const used = async () => (await ask<NodeDetails>(pool, `/v1/nodes/${nodeId}`)).body.slots.used;
  const before = await used();
  const gone = new AbortController();
  t.after(() => gone.abort());
  const body = JSON.stringify({ ...chat('test/stuck', { node: nodeId }), stream: true });
  const headers = { 'content-type': 'application/json' };
  void pool
    .request('/v1/chat/completions', { method: 'POST', headers, body, signal: gone.signal })
    .then((response) => response.text())
    .catch(() => undefined);
  await until(async () => (await used()) > before);
}

test('[T7] a node on probation gets one job at a time, whatever it offers, until it is approved', async (t) => {
  const nodeId = await joinStranger(t);
  assert.equal((await ask<NodeDetails>(pool, `/v1/nodes/${nodeId}`)).body.trust, 'probation');
  assert.equal(await servedBy({ node: nodeId }), nodeId);
  await occupy(t, nodeId);
  const { status, body } = await send('test/noop', { node: nodeId });
  assert.deepEqual([status, body.code], [503, 'no_capacity']);
  const why = await ask<RouteExplanation>(pool, '/v1/route/explain', chat('test/noop', { node: nodeId }));
  const own = why.body.nodes.find(({ node }) => node === nodeId);
  assert.match(own?.removed_by[0]?.reason ?? '', /on probation and runs the one job/);
  assert.equal((await ask<NodeDetails>(pool, `/v1/nodes/${nodeId}`)).body.status, 'full');

  assert.equal((await adminPost(pool.relay, `/v1/admin/nodes/${nodeId}/approve`)).body.trust, 'approved');
  assert.equal(await servedBy({ node: nodeId }), nodeId, 'without a new session');
  assert.equal((await ask<NodeDetails>(pool, `/v1/nodes/${nodeId}`)).body.trust, 'approved');
});

test('[T7] a node on probation gets a job only when no other node that may take it is free', async (t) => {
  const stranger = await joinStranger(t);
  const known = await pool.addNode({ name: 'known', slots: 1 });
  t.after(() => known.agent.close());
  for (let i = 0; i < 10; i += 1) assert.equal(await servedBy(), known.nodeId);
  const chosen = async () => {
    const { body } = await ask<RouteExplanation>(pool, '/v1/route/explain', chat('test/noop'));
    return body.chosen;
  };
  assert.equal(await chosen(), known.nodeId);
  await occupy(t, known.nodeId);
  assert.equal(await chosen(), stranger);
  assert.equal(await servedBy(), stranger);
  assert.equal((await send('test/noop', { ignore: [known.nodeId] })).headers.get('x-sparewatt-node'), stranger);
});

test('[T7] a job that asks for trusted nodes goes to none on probation, and to it once it is approved', async (t) => {
  const nodeId = await joinStranger(t);
  const trusted = { node: nodeId, require: { trust: 'trusted' } };
  assert.equal((await send('test/noop', trusted)).body.code, 'no_capacity');
  await adminPost(pool.relay, `/v1/admin/nodes/${nodeId}/approve`);
  assert.equal(await servedBy(trusted), nodeId);
});

test('labels of a pairing code and of the operator, and a cordon, reach the scheduler at once', async (t) => {
  const { code } = await makeCode(pool.relay, { labels: { room: 'attic' } });
  const agent = startRemoteAgent(t, pool.relay.url, { name: 'labelled', invitation: { code } });
  const nodeId = await agent.ready;
  const inRoom = (room: string) => ({ require: { labels: { room } } });
  assert.equal(await servedBy(inRoom('attic')), nodeId);
  await askAsAdmin(pool, `/v1/admin/nodes/${nodeId}/labels`, { labels: { room: 'cellar' } });
  assert.equal((await send('test/noop', inRoom('attic'))).body.code, 'no_capacity');
  assert.equal(await servedBy(inRoom('cellar')), nodeId);
  await askAsAdmin(pool, `/v1/admin/nodes/${nodeId}/cordon`, {});
  assert.equal((await send('test/noop', inRoom('cellar'))).body.code, 'no_capacity');
  await askAsAdmin(pool, `/v1/admin/nodes/${nodeId}/uncordon`, {});
  assert.equal(await servedBy(inRoom('cellar')), nodeId);
});
