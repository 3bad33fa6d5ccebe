import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, credsAuthenticator } from 'nats.ws';
import { readBusIdentity } from '../../relay/fabric/bus/bus-identity.ts';
import { mintOperatorCredentials } from '../../relay/fabric/bus/operator-credentials.ts';
import type { NodeHealth } from '../../shared/api/nodes.ts';
import type { RouteExplanation } from '../../shared/api/routing.ts';
import type { NodePolicy, PublicPolicy } from '../../shared/policy/node-policy.ts';
import { createOwnerPolicy, type OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import type { ErrorBody } from '../../shared/problems/http.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import { encodeJson } from '../../shared/protocol/codec.ts';
import type { OperatorAnswer } from '../../shared/protocol/operator.ts';
import { afterTest } from '../support/after-test.ts';
import { askChat, recordOf, streamChat } from '../support/ask-pool.ts';
import type { ScriptedNode } from '../support/nodes/scripted-node.ts';
import { type Pool, type PoolNode, startPool } from '../support/pool.ts';
import { createSyntheticRuntime, type SyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { joinNodes } from '../support/scripted-pool.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

const OPEN: PublicPolicy = { open: true, reason: null, changes_at: null };
const HOUR_MS = 3_600_000;
let names = 0;

/** A real node that alone serves two models of its own, and the policy that its owner may change. */
async function joinOwned(
  policy: NodePolicy = {},
  changes: Partial<OwnerPolicy> = {},
  other: ServedModel['type'] = 'embed',
) {
  const owner = createOwnerPolicy({ policy, now: Date.now });
  const model = `owned/model-${++names}`;
  const synthetic = createSyntheticRuntime({ [model]: 'llm', [`${model}-other`]: other });
  const runtime: SyntheticRuntime = {
    ...synthetic,
    run: (job, ...rest) =>
      synthetic.run(job.model === model ? ({ ...job, model: 'test/noop' } as typeof job) : job, ...rest),
  };
  const node: PoolNode = await pool.addNode({ name: `owned-${names}`, runtime, policy: { ...owner, ...changes } });
  return { ...node, owner, model, isKnown: () => until(async () => (await explain(model)).nodes_total > 0) };
}

async function post<Answer>(
  path: string,
  body: unknown,
): Promise<{ status: number; retryAfter: string; body: Answer }> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await pool.request(path, init);
  const retryAfter = response.headers.get('retry-after') ?? '';
  return { status: response.status, retryAfter, body: (await response.json()) as Answer };
}

async function explain(model: string): Promise<RouteExplanation> {
  return (await post<RouteExplanation>('/v1/route/explain', chatTo(model))).body;
}

function chatTo(model: string, more: object = {}): object {
  return { model, messages: [{ role: 'user', content: 'say something' }], ...more };
}

async function healthOf(nodeId: string): Promise<NodeHealth> {
  return (await (await pool.request(`/v1/nodes/${nodeId}/health`)).json()) as NodeHealth;
}

/** Puts another policy in the document of a scripted node, and waits until the relay has read it. */
async function show(node: ScriptedNode, model: string, policy: PublicPolicy, slots = node.state.slots): Promise<void> {
  node.state.policy = policy;
  node.state.slots = slots;
  node.state.revision += 1;
  node.beat();
  const filter = policy.open ? 'node_policy' : 'node_closed';
  await until(async () => (await filtersOf(model, node.nodeId)).includes(filter));
}

async function filtersOf(model: string, nodeId: string): Promise<string[]> {
  const { nodes } = await explain(model);
  return nodes.find(({ node }) => node === nodeId)?.removed_by.map(({ filter }) => filter) ?? [];
}

test('[O3] an owner who changes the policy is heard by the relay, which says why a job finds no node', async () => {
  const { nodeId, runtime, owner, model } = await joinOwned();
  assert.equal((await askChat(pool, model)).status, 200);
  owner.replace({ services: { allow: ['embed'] } });
  await until(async () => (await filtersOf(model, nodeId)).includes('node_policy'));
  const refused = await post<ErrorBody>('/v1/chat/completions', chatTo(model));
  assert.deepEqual([refused.status, refused.body.error.code], [503, 'policy_refused']);
  assert.match(refused.body.error.message, /^The one node that may serve \S+ does not run llm jobs: /);
  assert.equal(runtime.jobs.length, 1);
  owner.replace({});
  await until(async () => (await filtersOf(model, nodeId)).length === 0);
  assert.equal((await askChat(pool, model)).status, 200);
});

test('[O2] a node refuses what its own document had allowed, and that says nothing of its reliability', async () => {
  const { nodeId, runtime, model } = await joinOwned({ models: { deny: ['owned/*'] } }, { shown: () => OPEN });
  const answer = await post<ErrorBody>('/v1/chat/completions', chatTo(model));
  assert.deepEqual([answer.status, answer.body.error.code], [503, 'policy_refused']);
  assert.equal(answer.body.error.message, `This node does not run ${model}.`);
  assert.equal(runtime.jobs.length, 0);
  assert.deepEqual((await healthOf(nodeId)).attempts, { succeeded: 0, failed: 0 });
});

test('[O7] the relay tells the node which key asks, and the owner may shut it out', async () => {
  const { model, isKnown } = await joinOwned({ clients: { deny: ['key_*'] } }, { shown: () => OPEN });
  await isKnown();
  const { body } = await post<ErrorBody>('/v1/chat/completions', chatTo(model));
  assert.equal(body.error.message, 'This node does not work for this client.');
  const headers = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(chatTo(model)) };
  assert.equal((await pool.request('/v1/chat/completions', init)).status, 200, 'another client is served');
});

test('[O2] [K10] a program of the operator is refused by the node itself, with the reason', async (t) => {
  const { nodeId, runtime, model, owner } = await joinOwned({ clients: { deny: ['operator'] } });
  const { creds } = mintOperatorCredentials(await readBusIdentity(pool.dataFolder), {
    name: 'p',
    lifetimeSeconds: 600,
  });
  const bus = await connect({
    servers: `${pool.relay.url.replace('http:', 'ws:')}/nats`,
    authenticator: credsAuthenticator(new TextEncoder().encode(creds)),
    reconnect: false,
  });
  afterTest(t, () => bus.close());
  const ask = async (): Promise<OperatorAnswer> => {
    const question = encodeJson({ model, prompt: 'a secret' });
    return (await bus.request(`node.${nodeId}.llm.request`, question, { timeout: 20_000 })).json();
  };
  const refused = await ask();
  assert.ok(refused.status === 'error');
  assert.deepEqual(refused.error, { code: 'policy_refused', message: 'This node does not work for this client.' });
  assert.equal((await askChat(pool, model)).status, 200, 'the keys of the relay are other clients');
  owner.replace({ sizes: { input_characters: 7 } });
  const tooLong = await ask();
  assert.ok(tooLong.status === 'error');
  assert.equal(tooLong.error.message, 'This node does not take more than 7 characters of input, and this job has 8.');
  assert.equal(runtime.jobs.length, 1);
  owner.replace({});
  assert.equal((await ask()).status, 'ok');
});

test('[O1] a client that has all the jobs it may have on the only node waits for one of them to end', async (t) => {
  const { model, owner } = await joinOwned({ jobs_per_client: 1 });
  const stuck = new AbortController();
  const first = pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(chatTo('test/stuck', { stream: true, routing: { node: `owned-${names}` } })),
    signal: stuck.signal,
  });
  t.after(() => stuck.abort());
  await (await first).body?.getReader().read();
  const busy = await post<ErrorBody>('/v1/chat/completions', chatTo(model, { routing: { max_wait_ms: 0 } }));
  assert.deepEqual([busy.status, busy.body.error.code], [503, 'node_busy']);
  assert.equal(busy.body.error.message, 'This node runs no more than 1 job of one client at a time.');
  const waits = askChat(pool, model);
  stuck.abort();
  assert.equal((await waits).status, 200);
  owner.replace({});
});

test('[O5] a job that an owner hands back before it said anything goes on elsewhere', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const [first, second] = nodes;
  const answer = askChat(pool, model);
  const begun = await first.jobs.next();
  begun.send({ type: 'accepted' });
  begun.fail('handed_back');
  (await second.jobs.next()).done({ text: 'here' });
  const { content, jobId } = await answer;
  assert.equal(content, 'here');
  const attempts = (await recordOf(pool, jobId)).attempts.map(({ nodeId, problem }) => [nodeId, problem?.code]);
  assert.deepEqual(attempts, [
    [first.nodeId, 'handed_back'],
    [second.nodeId, undefined],
  ]);
  assert.equal((await healthOf(first.nodeId)).attempts.failed, 0);
});

for (const [code, end] of [
  ['handed_back', 'handed_back'],
  ['policy_refused', 'protocol_violation'],
] as const) {
  test(`[R1] a stream that ends with ${code} after its first words ends there, and is said by one node`, async (t) => {
    const { model, nodes } = await joinNodes(t, pool, 2);
    const answer = streamChat(pool, model);
    const job = await nodes[0].jobs.next();
    job.text('half ');
    job.fail(code);
    assert.deepEqual(await answer, { status: 200, text: 'half ', end });
    assert.equal(nodes[1].jobs.all.length, 0);
  });
}

test('[O3] a refusal that comes after the node has begun breaks the protocol, and is an attempt', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const answer = askChat(pool, model);
  const begun = await nodes[0].jobs.next();
  begun.send({ type: 'accepted' });
  begun.fail('policy_refused');
  (await nodes[1].jobs.next()).done({ text: 'here' });
  const { attempts } = await recordOf(pool, (await answer).jobId);
  assert.deepEqual(
    attempts.map(({ problem }) => problem?.code),
    ['protocol_violation', undefined],
  );
});

test('[O5] a closed node is shown as closed, and a job does not wait for what will not open in time', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const [node] = nodes;
  const changesAt = Date.now() + HOUR_MS;
  await show(node, model, { open: false, reason: 'hours', changes_at: changesAt }, 0);
  const { would_run, would_wait, nearest_change, nodes: judged } = await explain(model);
  assert.deepEqual([would_run, would_wait], [false, false]);
  const [mine] = judged;
  const until = new Date(changesAt).toISOString();
  assert.deepEqual(mine?.removed_by, [
    { filter: 'node_closed', reason: `Its owner keeps it for other things until ${until}.` },
  ]);
  assert.deepEqual(nearest_change?.changes, [`wait until ${node.nodeId} opens, or ask its owner`]);
  const { status, healthy } = await healthOf(node.nodeId);
  assert.deepEqual([status, healthy], ['closed', false]);
  const refused = await post<ErrorBody>('/v1/chat/completions', chatTo(model, { routing: { max_wait_ms: 60_000 } }));
  assert.deepEqual([refused.status, refused.body.error.code], [503, 'no_capacity']);
  assert.match(refused.body.error.message, new RegExp(`closed by their owners now\\. The first opens at ${until}\\.$`));
  assert.ok(Number(refused.retryAfter) > 3_000 && Number(refused.retryAfter) <= 3_600, refused.retryAfter);
});

test('[O5] a job waits for a node that opens in time, and runs when it does', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const [node] = nodes;
  await show(node, model, { open: false, reason: 'hours', changes_at: Date.now() + 5_000 }, 0);
  const answer = post<unknown>('/v1/chat/completions', chatTo(model, { routing: { max_wait_ms: 60_000 } }));
  await until(async () => ((await (await pool.request('/v1/health')).json()) as Health).jobs.waiting === 1);
  node.beat({ slots: { total: 1, used: 0 } });
  (await node.jobs.next()).done({ text: 'open' });
  assert.equal((await answer).status, 200);
});

type Health = { jobs: { waiting: number } };

test('[O5] a job that waits for a slot is told when the only node closes, and why, not after its time', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const [node] = nodes;
  const running = askChat(pool, model);
  const job = await node.jobs.next();
  const waiting = post<ErrorBody>('/v1/chat/completions', chatTo(model, { routing: { max_wait_ms: 600_000 } }));
  await until(async () => ((await (await pool.request('/v1/health')).json()) as Health).jobs.waiting === 1);
  await show(node, model, { open: false, reason: 'paused', changes_at: null }, 0);
  const refused = await waiting;
  assert.deepEqual([refused.status, refused.body.error.code], [503, 'no_capacity']);
  assert.match(refused.body.error.message, /closed by their owners now\.$/);
  assert.ok(Number(refused.retryAfter) >= 1);
  job.done({ text: 'it goes on to its end' });
  assert.equal((await running).content, 'it goes on to its end');
});

test('[O5] what a beat says of slots is newer than what the document says of the policy', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const [node] = nodes;
  await show(node, model, { open: false, reason: 'paused', changes_at: null }, 0);
  node.beat({ slots: { total: 1, used: 0 } });
  await until(async () => (await filtersOf(model, node.nodeId)).length === 0);
  const answer = askChat(pool, model);
  (await node.jobs.next()).done({ text: 'open' });
  assert.equal((await answer).content, 'open');
});

test('[O3] a job is told of the owners of those nodes alone that its routing leaves', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const [strict, other] = nodes;
  await show(strict, model, { ...OPEN, models: { deny: ['scripted/*'] } });
  const ask = (routing: object) => post<ErrorBody>('/v1/chat/completions', chatTo(model, { routing }));
  const ignoring = await ask({ ignore: [other.nodeId], max_wait_ms: 60_000 });
  assert.deepEqual([ignoring.status, ignoring.body.error.code], [503, 'policy_refused']);
  assert.match(ignoring.body.error.message, /^The one node that may serve \S+ does not run \S+: /);
  const both = await ask({ ignore: [other.nodeId, strict.nodeId], max_wait_ms: 0 });
  assert.equal(both.body.error.code, 'no_capacity');
  assert.match(both.body.error.message, /allow more nodes/);
});

test('[O3] a service is asked of a node that does not refuse it', async () => {
  const unwilling = await joinOwned({ services: { deny: ['stt'] } }, {}, 'stt');
  const willing = await joinOwned({}, {}, 'stt');
  await willing.isKnown();
  for (let i = 0; i < 4; i++) {
    const { status, body } = await post<{ node_id: string }>('/v1/capability/stt', { audio: 'AAAA' });
    assert.deepEqual([status, unwilling.nodeId === body.node_id], [200, false]);
  }
  const model = `${unwilling.model}-other`;
  const { status, body } = await post<ErrorBody>('/v1/capability/stt', { model, audio: 'AAAA' });
  assert.deepEqual([status, body.error.code], [503, 'policy_refused']);
  assert.match(body.error.message, /does not run stt jobs/);
});

test('[O5] an owner who waits for nobody ends a running stream with the reason', async () => {
  const { owner } = await joinOwned();
  const node = `owned-${names}`;
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify(chatTo('test/stuck', { stream: true, routing: { node } }));
  const response = await pool.request('/v1/chat/completions', { method: 'POST', headers, body });
  const reader = (response.body ?? assert.fail()).pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? '';
  owner.replace({ paused: true, finish_running: false });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  assert.match(text, /"code":"handed_back"/);
});
