import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Compile } from 'typebox/compile';
import { Snapshot } from '../../shared/api/snapshot.ts';
import { LIMITS, PROTOCOL_VERSION } from '../../shared/protocol/limits.ts';
import { askChat } from '../support/ask-pool.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { type Pool, startPool } from '../support/pool.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

const isSnapshot = Compile(Snapshot);

async function take(): Promise<Snapshot> {
  const response = await pool.request('/v1/admin/snapshot', {
    headers: { authorization: `Bearer ${pool.relay.adminToken}` },
  });
  const body: unknown = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  assert.ok(isSnapshot.Check(body), JSON.stringify(isSnapshot.Errors(body)[0]));
  return body;
}

test('an API key is no admin token', async () => {
  assertError(await readError(await pool.request('/v1/admin/snapshot')), { code: 'insufficient_scope' });
});

test('a relay without nodes is a whole snapshot too', async () => {
  const snapshot = await take();
  assert.deepEqual([snapshot.nodes, snapshot.models, snapshot.served_models, snapshot.node_count], [[], [], [], 0]);
  assert.equal(snapshot.health.status, 'ok');
});

test('tells of every node its session and its whole document, and of every model who serves it', async () => {
  const { nodeId } = await pool.addNode({ slots: 3 });
  const snapshot = await take();
  const [node] = snapshot.nodes;
  assert.equal(snapshot.node_count, 1);
  assert.deepEqual([node?.node_id, node?.slots, node?.document.node_id], [nodeId, 3, nodeId]);
  assert.ok((node?.epoch ?? 0) >= 1);
  assert.ok('hardware' in (node?.document ?? {}), 'the document is whole');
  const names = snapshot.served_models.map(({ name }) => name).sort();
  assert.deepEqual(names, snapshot.models.map(({ id }) => id).sort());
  assert.ok(names.includes('test/echo'));
  for (const model of snapshot.served_models)
    assert.deepEqual([model.node, typeof model.node_age_s], [nodeId, 'number']);
});

test('counts jobs by how they ended', async () => {
  await pool.addNode({ name: 'counted' });
  const earlier = await take();
  await askChat(pool, 'test/noop');
  await askChat(pool, 'test/failing');
  const { jobs } = await take();
  assert.deepEqual([jobs.running, jobs.waiting], [0, 0]);
  assert.equal(jobs.finished.succeeded, (earlier.jobs.finished.succeeded ?? 0) + 1);
  assert.equal(jobs.finished.failed, (earlier.jobs.finished.failed ?? 0) + 1);
});

test('names version and limits of the protocol, and the settings with their origins', async () => {
  const { protocol, config } = await take();
  assert.deepEqual(protocol, { version: PROTOCOL_VERSION, limits: { ...LIMITS } });
  const port = config.find(({ setting }) => setting === 'relay.port');
  assert.deepEqual(port, { setting: 'relay.port', value: 8484, origin: 'default', place: null });
});

test('holds no secret of the relay', async () => {
  const text = JSON.stringify(await take());
  for (const secret of [pool.relay.apiKey, pool.relay.adminToken]) assert.ok(!text.includes(secret));
  assert.doesNotMatch(text, /sk-sparewatt-|sw-admin-|"seed"|\bS[UAO][A-Z2-7]{56}\b|eyJ/);
});
