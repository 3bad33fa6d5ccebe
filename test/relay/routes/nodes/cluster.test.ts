import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Cluster } from '../../../../shared/api/cluster.ts';
import { createFastKey } from '../../../support/fast-key.ts';
import { enrol } from '../../../support/nodes/scripted-node.ts';
import { startPool } from '../../../support/pool.ts';
import { ask } from '../../../support/pool-admin.ts';
import { until } from '../../../support/until.ts';

const pool = await startPool();
after(() => pool.close());
const readCluster = async (): Promise<Cluster> => (await ask<Cluster>(pool, '/v1/cluster')).body;

test('a pool without a node is empty, and its document whole', async () => {
  assert.deepEqual(await readCluster(), {
    nodes_known: 0,
    nodes_ready: 0,
    slots: 0,
    slots_used: 0,
    jobs_running: 0,
    jobs_waiting: 0,
    tokens_per_second: 0,
    nodes: [],
    models: [],
  });
});

test('nodes and models are counted once each, and what is not known of a node is null', async () => {
  const attic = await pool.addNode({ name: 'attic', slots: 2 });
  const cellar = await pool.addNode({ name: 'cellar', slots: 3 });
  const gone = await pool.addNode({ name: 'gone' });
  await gone.agent.close();
  await until(() => !pool.relay.nodes().includes(gone.nodeId));
  const messages = [{ role: 'user' as const, content: 'three words now' }];
  await pool.client().chat.completions.create({ model: 'test/echo', messages });
  const cluster = await readCluster();
  assert.deepEqual([cluster.nodes_known, cluster.nodes_ready, cluster.slots, cluster.slots_used], [3, 2, 5, 0]);
  assert.ok(cluster.tokens_per_second > 0);
  assert.deepEqual(
    cluster.nodes.map(({ name, status, slots }) => [name, status, slots]),
    [
      ['attic', 'ready', 2],
      ['cellar', 'ready', 3],
      ['gone', 'offline', null],
    ],
  );
  const [first, , last] = cluster.nodes;
  assert.ok(first?.id === attic.nodeId && first.models.includes('test/echo') && (first.round_trip_ms ?? -1) >= 0);
  assert.deepEqual([last?.slots_used, last?.models, last?.round_trip_ms], [null, [], null]);
  assert.deepEqual(
    cluster.models.find(({ id }) => id === 'test/echo'),
    { id: 'test/echo', nodes: 2, slots: 5 },
  );
  await cellar.agent.close();
});

test('speeds and failures are told of the node that had them', async () => {
  const slow = await pool.addNode({ name: 'slow' });
  const messages = [{ role: 'user' as const, content: 'one two three four' }];
  const routing = { only: [slow.nodeId] };
  const ask = (model: string) => pool.client().chat.completions.create({ model, messages, routing } as never);
  await ask('test/ten-ms');
  await assert.rejects(ask('test/failing'));
  const find = async (name: string) => (await readCluster()).nodes.find((node) => node.name === name) ?? assert.fail();
  await until(async () => (await find('slow')).attempts.failed === 1);
  const { tokens_per_s: speeds, attempts } = await find('slow');
  assert.deepEqual([Object.keys(speeds), attempts], [['test/ten-ms'], { succeeded: 1, failed: 1 }]);
  // Ten milliseconds for each, and what a busy machine makes of that.
  assert.ok((speeds['test/ten-ms'] ?? 0) > 0 && (speeds['test/ten-ms'] ?? 0) < 110);
  const { tokens_per_s: none, attempts: clean } = await find('gone');
  assert.deepEqual([none, clean], [{}, { succeeded: 0, failed: 0 }]);
  await slow.agent.close();
});

test('twenty more nodes are twenty more', async () => {
  const names = Array.from({ length: 20 }, (_, place) => `more-${place}`);
  await Promise.all(names.map((name) => pool.addNode({ name })));
  const { nodes_known, nodes } = await readCluster();
  assert.equal(nodes_known, 24);
  assert.equal(new Set(nodes.map(({ id }) => id)).size, 24);
});

test('a pool of several hundred nodes is told whole, each once and by id', async () => {
  const before = (await readCluster()).nodes_known;
  const keys = Array.from({ length: 210 - before }, createFastKey);
  await Promise.all(keys.map(({ publicKey }, place) => enrol(pool.relay.url, publicKey, `known-${place}`)));
  const { nodes_known, nodes } = await readCluster();
  const ids = nodes.map(({ id }) => id);
  assert.deepEqual([nodes_known, ids], [210, [...new Set(ids)].sort()]);
});
