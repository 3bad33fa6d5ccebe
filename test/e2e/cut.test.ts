import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeNetworkNamespace, namespacesMissing } from '../support/network/network-namespace.ts';
import { startLostNodesPool } from '../support/nodes/lost-nodes.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { until } from '../support/until.ts';

const skip = namespacesMissing();

test('[S5] a node behind a cut network loses its job and its session, and is back when the line is', {
  skip,
}, async (t) => {
  const network = makeNetworkNamespace(t);
  const pool = await startLostNodesPool(t, { host: network.address, open: true, announce: { when: false } });
  const far = await pool.addProcess({ namespace: network.name });
  const near = await pool.addProcess();
  await askAsAdmin(pool, `/v1/admin/nodes/${near.nodeId}/cordon`, {});
  const answer = pool.ask('test/ten-ms', { max_tokens: 50 });
  await far.working.next();
  await askAsAdmin(pool, `/v1/admin/nodes/${near.nodeId}/uncordon`, {});
  network.cut();
  const response = await answer;
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('x-sparewatt-node'), near.nodeId);
  await until(() => pool.relay.nodes().join() === near.nodeId, 20_000);
  const details = await askAsAdmin<{ status: string }>(pool, `/v1/nodes/${far.nodeId}`);
  assert.equal(details.body.status, 'offline');

  network.mend();
  await until(() => pool.relay.nodes().length === 2, 40_000);
  await near.kill();
  await until(() => pool.relay.nodes().join() === far.nodeId, 20_000);
  assert.equal((await pool.ask('test/noop')).headers.get('x-sparewatt-node'), far.nodeId);
});
