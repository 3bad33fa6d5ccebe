import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RouteExplanation } from '../../shared/api/routing.ts';
import type { NodePolicy } from '../../shared/policy/node-policy.ts';
import { createOwnerPolicy, type OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import type { Frame } from '../../shared/protocol/messages.ts';
import { askChat, recordOf } from '../support/ask-pool.ts';
import { openScriptedAgent } from '../support/nodes/scripted-agent.ts';
import type { ScriptedJob, ScriptedNode } from '../support/nodes/scripted-node.ts';
import { settled } from '../support/pending-timers.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { joinNodes } from '../support/scripted-pool.ts';
import { SCRIPTED_NODE_ID } from '../support/scripted-relay.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

const OPEN = { open: true, reason: null, changes_at: null };
const MINUTE_MS = 60_000;
/** A wall on which time began on Sunday at midnight. */
const wall = (at: number): number => Math.floor(at / MINUTE_MS) % (7 * 24 * 60);

function policyOf(policy: NodePolicy, clock = { now: 0 }): OwnerPolicy {
  return createOwnerPolicy({ policy, now: () => clock.now, wall });
}

function codesOf(frames: readonly Frame[]): (string | undefined)[] {
  return frames.map((frame) => (frame.type === 'error' ? frame.problem.code : frame.type));
}

test('[O2] a node refuses what its owner does not allow, and its runtime sees nothing of it', async (t) => {
  const { ask, runtime, log } = await openScriptedAgent(t, { policy: policyOf({ models: { allow: ['acme/*'] } }) });
  const { frames } = ask({ model: 'other/model', client: 'key_1' });
  assert.deepEqual(codesOf(frames), ['policy_refused']);
  assert.equal(frames[0]?.type === 'error' && frames[0].problem.detail, 'This node does not run other/model.');
  ask({ model: 'acme/model', client: 'key_1' });
  await settled();
  assert.equal(runtime.runs.all.length, 1);
  assert.ok(log.lines.every((line) => !line.includes('other/model')));
});

test('[O1] one client gets no more than its share of the slots, and others get theirs', async (t) => {
  const { ask, start } = await openScriptedAgent(t, { policy: policyOf({ jobs_per_client: 1 }) });
  const first = await start({ client: 'key_1' });
  assert.deepEqual(codesOf(ask({ client: 'key_1' }).frames), ['node_busy']);
  const other = await start({ client: 'key_2' });
  first.run.finish();
  await settled();
  const again = await start({ client: 'key_1' });
  for (const { run } of [other, again]) run.finish();
});

test('[O1] an answer without a limit of its own gets the owner’s', async (t) => {
  const { start } = await openScriptedAgent(t, { policy: policyOf({ sizes: { output_tokens: 40 } }) });
  const { run } = await start();
  assert.equal('maxTokens' in run.job.input && run.job.input.maxTokens, 40);
  run.finish();
});

test('[O5] a node that is outside its hours offers no slots, says so, and lets running jobs end', async (t) => {
  const hours = ['sun 00:00-01:00'];
  const clock = { now: 59 * MINUTE_MS };
  const policy = policyOf({ hours }, clock);
  const { agent, ask, start, line, pass } = await openScriptedAgent(t, { policy });
  const { run, frames } = await start();
  const { revision } = await agent.capabilities();
  clock.now = 60 * MINUTE_MS;
  assert.deepEqual(codesOf(ask().frames), ['policy_refused']);
  await pass(LIMITS.heartbeatIntervalMs);
  assert.equal(line.beats.at(-1)?.revision, revision + 1, 'the relay hears that there is another document');
  assert.deepEqual(line.beats.at(-1)?.slots, { total: 0, used: 1 });
  const { policy: shown } = await agent.capabilities();
  const nextSunday = 7 * 24 * 60 * MINUTE_MS;
  assert.deepEqual(shown, { open: false, reason: 'hours', changes_at: nextSunday });
  assert.equal(run.signal.aborted, false);
  run.finish();
  await settled();
  assert.deepEqual(codesOf(frames), ['accepted', 'done']);
  clock.now = nextSunday;
  await pass(LIMITS.heartbeatIntervalMs);
  assert.deepEqual(line.beats.at(-1)?.slots, { total: 2, used: 0 });
});

test('[O5] a node that waits for nobody hands its jobs back when its hours end, also new hours', async (t) => {
  const clock = { now: 59 * MINUTE_MS };
  const policy = policyOf({ hours: ['sun 00:00-02:00'], finish_running: false }, clock);
  const { start, pass } = await openScriptedAgent(t, { policy });
  const first = await start();
  policy.replace({ hours: ['sun 00:00-01:00'], finish_running: false });
  assert.equal(first.run.signal.aborted, false);
  clock.now = 60 * MINUTE_MS;
  await pass(LIMITS.heartbeatIntervalMs);
  assert.equal(first.run.signal.aborted, true);
  first.run.fail(first.run.signal.reason);
  await settled();
  assert.deepEqual(codesOf(first.frames), ['accepted', 'handed_back']);
});

test('[O5] an owner who pauses and waits for nobody ends what runs, so that it moves on', async (t) => {
  const policy = policyOf({});
  const { agent, start, line } = await openScriptedAgent(t, { policy });
  const { run, frames } = await start();
  policy.replace({ paused: true, finish_running: false });
  assert.equal(run.signal.aborted, true);
  run.fail(run.signal.reason);
  await settled();
  assert.deepEqual(codesOf(frames), ['handed_back']);
  assert.deepEqual(line.beats.at(-1)?.slots, { total: 0, used: 1 });
  assert.equal((await agent.capabilities()).policy?.reason, 'paused');
  policy.replace({});
  const resumed = await start();
  resumed.run.finish();
});

test('[O3] the document shows the policy, under the node’s signature', async (t) => {
  const policy = policyOf({ services: { allow: ['llm'] }, sizes: { inputs: 3 }, hours: ['sun-sat 00:00-24:00'] });
  const { line } = await openScriptedAgent(t, { policy });
  const document = await line.say(`node.${SCRIPTED_NODE_ID}.capabilities.get`, {}).next();
  const { policy: shown, signature } = document as CapabilityDocument;
  assert.deepEqual(shown, { ...OPEN, services: { allow: ['llm'] }, sizes: { inputs: 3 } });
  assert.ok(signature);
});

test('[O3] a job that owners refuse is no attempt of theirs, and every other node is asked', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 4);
  const answer = askChat(pool, model);
  const asked = new Map(nodes.map((node) => [node.nodeId, node.jobs.next().then((job) => ({ node, job }))]));
  while (asked.size > 1) {
    const { node, job } = await Promise.race(asked.values());
    asked.delete(node.nodeId);
    job.fail('policy_refused', 'Not here.');
  }
  const [{ node, job }] = (await Promise.all(asked.values())) as [{ node: ScriptedNode; job: ScriptedJob }];
  job.done({ text: 'here' });
  const { content, jobId } = await answer;
  assert.equal(content, 'here');
  assert.deepEqual(
    (await recordOf(pool, jobId)).attempts.map(({ nodeId }) => nodeId),
    [node.nodeId],
  );
});

test('[O3] when every owner refuses, the client hears their reason', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const answer = askChat(pool, model);
  const refuse = (job: ScriptedJob): void => job.fail('policy_refused', 'Not here.');
  for (const node of nodes) void node.jobs.next().then(refuse);
  const { status, code } = await answer;
  assert.deepEqual([status, code], [503, 'policy_refused']);
});

test('[O3] the relay asks no node whose document refuses the job, and explains why', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const [strict, free] = nodes;
  strict.state.policy = { ...OPEN, services: { deny: ['llm'] } };
  strict.state.revision += 1;
  strict.beat();
  await strict.documentRequests.next();
  await until(async () => (await explain(model)).removed.node_policy === 1);
  const { chosen, nodes: judged } = await explain(model);
  assert.equal(chosen, free.nodeId);
  assert.deepEqual(judged.find(({ node }) => node === strict.nodeId)?.removed_by, [
    { filter: 'node_policy', reason: 'Its owner does not let it run llm jobs.' },
  ]);
  for (let i = 0; i < 3; i++) {
    const answer = askChat(pool, model);
    (await free.jobs.next()).done({ text: 'x' });
    assert.equal((await answer).status, 200);
  }
  assert.equal(strict.jobs.all.length, 0);
});

async function explain(model: string): Promise<RouteExplanation> {
  const response = await pool.request('/v1/route/explain', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'say something' }] }),
  });
  return (await response.json()) as RouteExplanation;
}

test('[O8] a host closes its node for its owner, hands its jobs back, and says no more than a code', async (t) => {
  const policy = policyOf({ services: { allow: ['llm'] } });
  const { agent, ask, start, line } = await openScriptedAgent(t, { policy });
  const { run, frames } = await start();
  policy.yieldToOwner({ code: 'game', until: null, finishRunning: false });
  assert.equal(run.signal.aborted, true);
  run.fail(run.signal.reason);
  await settled();
  assert.deepEqual(codesOf(frames), ['handed_back']);
  assert.deepEqual(codesOf(ask().frames), ['policy_refused']);
  assert.deepEqual(line.beats.at(-1)?.slots, { total: 0, used: 1 });
  const { policy: shown } = await agent.capabilities();
  assert.deepEqual(shown, { open: false, reason: 'game', changes_at: null, services: { allow: ['llm'] } });
  policy.yieldToOwner(undefined);
  const resumed = await start();
  resumed.run.finish();
});

test('[O8] a host that lets jobs end in peace takes no new one', async (t) => {
  const policy = policyOf({});
  const { ask, start } = await openScriptedAgent(t, { policy });
  const { run } = await start();
  policy.yieldToOwner({ code: 'finishing', until: null, finishRunning: true });
  assert.equal(run.signal.aborted, false);
  assert.deepEqual(codesOf(ask().frames), ['policy_refused']);
  run.finish();
});

test('[O9] a job that is handed back brings what it has produced, also when it does not stream', async (t) => {
  const policy = policyOf({});
  const { start } = await openScriptedAgent(t, { policy });
  const streaming = await start({ stream: true });
  const whole = await start({ stream: false });
  for (const { run } of [streaming, whole]) {
    run.output.text('Once ', 1);
    run.output.text('upon', 1);
  }
  policy.yieldToOwner({ code: 'battery', until: null, finishRunning: false });
  for (const { run } of [streaming, whole]) run.fail(run.signal.reason);
  await settled();
  const texts = streaming.frames.flatMap((frame) => (frame.type === 'text' ? [frame.text] : []));
  assert.equal(texts.join(''), 'Once upon');
  const last = whole.frames.at(-1);
  assert.equal(last?.type === 'error' && last.problem.code, 'handed_back');
  assert.equal(last?.type === 'error' && last.text, 'Once upon');
});
