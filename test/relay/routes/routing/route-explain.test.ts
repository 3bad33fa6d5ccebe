import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { RouteExplanation } from '../../../../shared/api/routing.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { joinScriptedNode } from '../../../support/nodes/scripted-node.ts';
import { startPool } from '../../../support/pool.ts';
import { ask, askAsAdmin } from '../../../support/pool-admin.ts';
import { until } from '../../../support/until.ts';

const pool = await startPool();
after(() => pool.close());
const attic = await pool.addNode({ name: 'attic', slots: 2 });
const cellar = await pool.addNode({ name: 'cellar', slots: 2 });
const gone = await pool.addNode({ name: 'gone' });
await gone.agent.close();
await until(() => !pool.relay.nodes().includes(gone.nodeId));

async function explain(body: Record<string, unknown>): Promise<RouteExplanation> {
  const { status, body: explanation } = await ask<RouteExplanation>(pool, '/v1/route/explain', body);
  assert.equal(status, 200, JSON.stringify(explanation));
  return explanation;
}

test('explains every node, its filters and its score, and runs nothing', async () => {
  const before = attic.runtime.jobs.length + cellar.runtime.jobs.length;
  const explanation = await explain({
    model: 'test/noop',
    messages: [{ role: 'user', content: 'x' }],
    routing: { ignore: ['attic'] },
  });
  assert.deepEqual(
    [explanation.would_run, explanation.chosen, explanation.nearest_change, explanation.nodes_total],
    [true, cellar.nodeId, null, 3],
  );
  assert.deepEqual(explanation.removed, { routing_ignore: 1, not_connected: 1 });
  const byId = new Map(explanation.nodes.map((node) => [node.node, node]));
  assert.deepEqual(byId.get(cellar.nodeId)?.removed_by, []);
  assert.deepEqual(
    byId.get(attic.nodeId)?.removed_by.map(({ filter }) => filter),
    ['routing_ignore'],
  );
  assert.deepEqual(
    byId.get(gone.nodeId)?.removed_by.map(({ filter }) => filter),
    ['not_connected'],
  );
  const score = byId.get(cellar.nodeId)?.score;
  assert.ok(score && explanation.predicted?.end_ms !== undefined);
  assert.deepEqual(
    score.terms.map(({ name }) => name),
    ['round_trip', 'load', 'prompt', 'decode', 'sharing', 'retry', 'affinity'],
  );
  assert.equal(attic.runtime.jobs.length + cellar.runtime.jobs.length, before);
});

test('chooses in explain what a request would get', async () => {
  for (const routing of [{ node: 'attic' }, { only: ['cellar'], sort: 'load' }, { ignore: ['cellar'] }]) {
    const body = { model: 'test/noop', messages: [{ role: 'user', content: 'x' }], routing };
    const { chosen } = await explain(body);
    const { headers } = await ask(pool, '/v1/chat/completions', body);
    assert.equal(headers.get('x-sparewatt-node'), chosen);
  }
});

test('names the nearest change that would let a job run', async (t) => {
  const node = await joinScriptedNode(t, pool.relay, { name: 'lonely', models: ['test/lonely'] });
  const busy = ask(pool, '/v1/chat/completions', { model: 'test/lonely', messages: [{ role: 'user', content: 'x' }] });
  const job = await node.jobs.next();
  const changesFor = async (more: Record<string, unknown>) => {
    const { would_run, would_wait, nearest_change } = await explain({ model: 'test/lonely', ...more });
    assert.equal(would_run, false);
    return { would_wait, ...nearest_change };
  };
  assert.deepEqual(await changesFor({}), {
    would_wait: true,
    node: node.nodeId,
    changes: [`free a slot on ${node.nodeId}`],
  });
  assert.equal((await changesFor({ routing: { max_wait_ms: 0 } })).would_wait, false);
  job.done({ text: 'ok' });
  await busy;
  const required = await changesFor({ routing: { require: { labels: { site: 'moon' } } } });
  assert.match(required.changes?.[0] ?? '', /remove routing.require.labels/);
  const elsewhere = await changesFor({ routing: { only: ['attic'] } });
  assert.deepEqual([elsewhere.node, elsewhere.would_wait], [node.nodeId, false]);
  assert.match(elsewhere.changes?.[0] ?? '', /remove routing.node and routing.only/);
  await askAsAdmin(pool, `/v1/admin/nodes/${node.nodeId}/cordon`, { reason: 'dusty' });
  const cordoned = await changesFor({});
  assert.deepEqual(cordoned.changes, [`uncordon ${node.nodeId}`]);
  await askAsAdmin(pool, `/v1/admin/nodes/${node.nodeId}/drain`, { reason: 'moving' });
  const draining = await explain({ model: 'test/lonely' });
  assert.deepEqual([draining.removed.draining, draining.removed.cordoned], [1, undefined]);
  await askAsAdmin(pool, `/v1/admin/nodes/${node.nodeId}/uncordon`, {});
});

test('refuses to explain what no request could ask', async () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ model: 'test/unheard' }, 'model_not_found'],
    [{ model: 'test/noop', routing: { node: 'nobody' } }, 'invalid_value'],
    [{}, 'missing_required_parameter'],
  ];
  for (const [body, code] of wrong) {
    assert.equal((await ask<ErrorBody>(pool, '/v1/route/explain', body)).body.code, code);
  }
});
