import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { RouteDecision } from '../../../../shared/api/routing.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { assertError, readError } from '../../../support/error-answers.ts';
import { joinScriptedNode } from '../../../support/nodes/scripted-node.ts';
import { startPool } from '../../../support/pool.ts';
import { ask, askAsAdmin } from '../../../support/pool-admin.ts';
import { until } from '../../../support/until.ts';

const pool = await startPool();
after(() => pool.close());
const attic = (await pool.addNode({ name: 'attic', slots: 2 })).nodeId;
const cellar = (await pool.addNode({ name: 'cellar', slots: 2 })).nodeId;
const CHAT = '/v1/chat/completions';

function chat(routing: unknown, more: Record<string, unknown> = {}) {
  return { model: 'test/noop', messages: [{ role: 'user', content: 'x' }], routing, ...more };
}

async function nodeFor(routing: unknown): Promise<string | null> {
  const { status, headers, body } = await ask<ErrorBody>(pool, CHAT, chat(routing));
  assert.equal(status, 200, JSON.stringify(body));
  return headers.get('x-sparewatt-node');
}

async function refusal(routing: unknown) {
  const { status, body } = await ask<ErrorBody>(pool, CHAT, chat(routing));
  return { status, code: body.code, param: body.error.param };
}

test('[T1] sends a job to the node that routing names, by id or by slug, and to those it leaves', async () => {
  for (let i = 0; i < 3; i++) {
    assert.equal(await nodeFor({ node: cellar }), cellar);
    assert.equal(await nodeFor({ node: 'attic' }), attic);
    assert.equal(await nodeFor({ only: ['cellar'] }), cellar);
    assert.equal(await nodeFor({ ignore: ['attic'] }), cellar);
    assert.equal(await nodeFor({ require: { capabilities: ['llm'] }, ignore: [cellar], sort: 'latency' }), attic);
  }
});

test('[T1] sends a job only to nodes that have the labels, the capabilities and the trust it requires', async () => {
  await askAsAdmin(pool, `/v1/admin/nodes/${cellar}/labels`, { labels: { site: 'lab' } });
  assert.equal(await nodeFor({ require: { labels: { site: 'lab' }, trust: 'trusted' } }), cellar);
  assert.deepEqual(await refusal({ require: { labels: { site: 'moon' } } }), {
    status: 503,
    code: 'no_capacity',
    param: null,
  });
  assert.equal((await refusal({ require: { capabilities: ['telepathy'] } })).code, 'no_capacity');
  assert.equal((await refusal({ require: { labels: { constructor: 'x' } } })).code, 'no_capacity');
  assert.equal((await refusal({ require: { capabilities: ['toString'] } })).code, 'no_capacity');
});

test('routes embeddings in the same way', async () => {
  const { status, headers } = await ask(pool, '/v1/embeddings', {
    model: 'test/vectors',
    input: 'x',
    routing: { node: 'cellar' },
  });
  assert.deepEqual([status, headers.get('x-sparewatt-node')], [200, cellar]);
  assert.match(headers.get('x-sparewatt-decision') ?? '', /^dec_/);
});

test('refuses routing that is wrong with 400 and the place', async () => {
  const wrong: [string, unknown][] = [
    ['routing.node', { node: 5 }],
    ['routing.node', { node: 'atick' }],
    ['routing.only.1', { only: ['attic', 'nobody'] }],
    ['routing.only', { only: [] }],
    ['routing.only', { node: 'attic', only: ['attic'] }],
    ['routing.ignore', { node: 'attic', ignore: ['attic'] }],
    ['routing.sort', { sort: 'price' }],
    ['routing.max_wait_ms', { max_wait_ms: -1 }],
    ['routing.allow_fallbacks', { allow_fallbacks: 'yes' }],
    ['routing.require.trust', { require: { trust: 'blind' } }],
    ['routing.nodes', { nodes: ['attic'] }],
    ['routing', 'attic'],
  ];
  for (const [param, routing] of wrong) {
    const response = await pool.request(CHAT, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(chat(routing)),
    });
    assertError(await readError(response), { code: 'invalid_value', param });
  }
});

test('takes every part of routing as null', async () => {
  const nulls = { node: null, only: null, ignore: null, require: null, sort: null, max_wait_ms: null };
  assert.ok([attic, cellar].includes((await nodeFor({ ...nulls, allow_fallbacks: null })) ?? ''));
  assert.ok([attic, cellar].includes((await nodeFor(null)) ?? ''));
});

test('[T4] [MO5] fails at once with max_wait_ms 0 when no slot is free, and waits that long otherwise', async (t) => {
  const node = await joinScriptedNode(t, pool.relay, { name: 'single', models: ['test/single'] });
  const first = ask(pool, CHAT, chat(null, { model: 'test/single' }));
  const job = await node.jobs.next();
  const refused = await ask<ErrorBody>(pool, CHAT, chat({ max_wait_ms: 0 }, { model: 'test/single' }));
  assert.deepEqual([refused.status, refused.body.code], [503, 'no_capacity']);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  const late = await ask<ErrorBody>(pool, CHAT, chat({ max_wait_ms: 20 }, { model: 'test/single' }));
  assert.deepEqual([late.status, late.body.code], [503, 'no_capacity']);
  job.done({ text: 'done' });
  assert.equal((await first).status, 200);
});

test('[T4] [MO5] waits for the node of its model that has left, if it has said for how long, and says so before', async (t) => {
  const model = 'test/leaving';
  const left = await joinScriptedNode(t, pool.relay, { name: 'leaving', models: [model] });
  await left.close();
  await until(() => !pool.relay.nodes().includes(left.nodeId));
  const refused = await ask<ErrorBody>(pool, CHAT, chat(null, { model }));
  assert.deepEqual([refused.status, refused.body.code], [503, 'no_capacity']);
  const explained = async (routing: unknown) =>
    (await ask<{ would_wait: boolean }>(pool, '/v1/route/explain', chat(routing, { model }))).body.would_wait;
  assert.deepEqual([await explained(null), await explained({ max_wait_ms: 1 })], [false, true]);
  const waiting = ask(pool, CHAT, chat({ max_wait_ms: 60_000 }, { model }));
  await until(
    async () => ((await (await pool.request('/v1/health')).json()) as { jobs: { waiting: number } }).jobs.waiting === 1,
  );
  const back = await joinScriptedNode(t, pool.relay, { name: 'leaving', models: [model] });
  (await back.jobs.next()).done({ text: 'back' });
  assert.equal((await waiting).status, 200);
});

test('[T5] asks no other node with allow_fallbacks false when the first has failed, and one by default', async (t) => {
  const model = 'test/failing-over';
  const nodes = [
    await joinScriptedNode(t, pool.relay, { name: 'first', models: [model] }),
    await joinScriptedNode(t, pool.relay, { name: 'second', models: [model] }),
  ] as const;
  const moved = ask(pool, CHAT, chat(null, { model }));
  (await nodes[0].jobs.next()).fail('node_fault');
  (await nodes[1].jobs.next()).done({ text: 'moved' });
  assert.equal((await moved).status, 200);
  const kept = ask<ErrorBody>(pool, CHAT, chat({ allow_fallbacks: false, only: ['second'] }, { model }));
  (await nodes[1].jobs.next()).fail('node_fault');
  const { status, body } = await kept;
  assert.deepEqual([status, body.code], [502, 'node_fault']);
  assert.equal(nodes[0].jobs.all.length, 1);
});

test('[T3] spreads jobs that arrive at once over the slots of the pool', async (t) => {
  const model = 'test/burst';
  const nodes = await Promise.all(
    ['a', 'b', 'c'].map((name) => joinScriptedNode(t, pool.relay, { name, models: [model], slots: 4 })),
  );
  const answers = Array.from({ length: 6 }, () => ask(pool, CHAT, chat(null, { model })));
  await until(() => nodes.reduce((sum, node) => sum + node.jobs.all.length, 0) === 6);
  assert.deepEqual(
    nodes.map((node) => node.jobs.all.length),
    [2, 2, 2],
  );
  for (const node of nodes) for (const job of node.jobs.all) job.done({ text: 'ok' });
  for (const answer of answers) assert.equal((await answer).status, 200);
});

test('names a decision in every answer of a job, and shows it with predicted and actual times', async () => {
  const { headers } = await ask(pool, CHAT, chat({ sort: 'throughput', ignore: ['cellar'] }));
  const id = headers.get('x-sparewatt-decision') ?? '';
  const { status, body } = await ask<RouteDecision>(pool, `/v1/route/decisions/${id}`);
  assert.equal(status, 200);
  assert.deepEqual([body.id, body.job, body.state], [id, headers.get('x-sparewatt-job'), 'succeeded']);
  const [choice] = body.choices;
  assert.ok(choice !== undefined && body.choices.length === 1);
  assert.deepEqual([choice.node, choice.compared[0]?.node, choice.attempt], [attic, attic, 1]);
  assert.ok(choice.predicted.end_ms >= choice.predicted.first_token_ms && choice.predicted.first_token_ms > 0);
  assert.ok(choice.actual !== null && choice.actual.end_ms >= 0 && choice.actual.problem === null);
  const terms = choice.compared[0]?.score.terms ?? [];
  const total = terms.reduce((sum, { ms, weight }) => sum + ms * weight, 0);
  assert.ok(Math.abs(total - (choice.compared[0]?.score.total_ms ?? 0)) < 0.1, 'the terms add up to the score');

  const refused = await ask(pool, CHAT, chat({ require: { labels: { site: 'moon' } } }));
  const failed = await ask<RouteDecision>(pool, `/v1/route/decisions/${refused.headers.get('x-sparewatt-decision')}`);
  assert.deepEqual([failed.body.state, failed.body.problem, failed.body.choices], ['failed', 'no_capacity', []]);
});

test('shows a decision to nobody but its key and the operator', async () => {
  const { headers } = await ask(pool, CHAT, chat(null), pool.relay.adminToken);
  const path = `/v1/route/decisions/${headers.get('x-sparewatt-decision')}`;
  assert.equal((await ask<ErrorBody>(pool, path)).body.code, 'decision_not_found');
  assert.equal((await askAsAdmin(pool, path)).status, 200);
  assert.equal((await ask<ErrorBody>(pool, '/v1/route/decisions/dec_nonsense')).status, 404);
});
