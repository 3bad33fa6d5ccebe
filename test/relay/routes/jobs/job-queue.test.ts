import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import type { RouteDecision } from '../../../../shared/api/routing.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { startNetworkLine } from '../../../support/network/network-line.ts';
import { addControlled } from '../../../support/nodes/cancellable-node.ts';
import { startTestPool } from '../../../support/pool.ts';
import { ask, askAsAdmin } from '../../../support/pool-admin.ts';
import { endOf, eventsOf, jobClient, jobOf, LLM, postJob, resultOf, submit } from '../../../support/queued-jobs.ts';
import { joinNodes } from '../../../support/scripted-pool.ts';
import { until } from '../../../support/until.ts';

test('a node that vanishes costs an attempt, not the job: it goes to another, with both attempts kept', async (t) => {
  const pool = await startTestPool(t);
  const line = await startNetworkLine(pool.relay.url);
  t.after(() => line.close());
  const first = await addControlled(pool, 'test/held', { relayUrl: line.url });
  const { id } = await submit(pool, { model: 'test/held' });
  const { output } = await first.runs.next();
  output.text('half an ', 2);
  line.cut();
  await until(async () => (await jobOf(pool, id)).state === 'queued');
  const second = await addControlled(pool);
  const again = await second.runs.next();
  again.output.text('whole', 1);
  again.finish();
  const job = await endOf(pool, id);
  assert.equal(job.state, 'succeeded');
  assert.deepEqual(
    job.attempts.map(({ attempt, nodeId, problem }) => [attempt, nodeId, problem === null]),
    [
      [1, first.nodeId, false],
      [2, second.nodeId, true],
    ],
  );
  const { result } = (await (await resultOf(pool, id)).json()) as { result: { text: string } };
  assert.equal(result.text, 'whole');
  const { events } = await eventsOf(pool, id);
  assert.deepEqual(
    events.filter(({ state }) => state !== 'running').map(({ state, problem }) => [state, problem?.code]),
    [
      ['queued', undefined],
      ['assigned', undefined],
      ['queued', 'node_lost'],
      ['assigned', undefined],
      ['succeeded', undefined],
    ],
  );
});

test('[R1] a node that works for others costs no attempt and no line of the history, however often it says so', async (t) => {
  const pool = await startTestPool(t);
  const { model, nodes } = await joinNodes(t, pool, 1);
  const { id } = await submit(pool, { model, max_attempts: 1 });
  // Longer than one run of the queue waits for a slot.
  for (let i = 0; i < 80; i++) (await nodes[0].jobs.next()).fail('node_busy');
  assert.equal((await jobOf(pool, id)).state, 'queued');
  (await nodes[0].jobs.next()).done({ text: 'at last' });
  const job = await endOf(pool, id);
  assert.deepEqual([job.state, job.attempts.map(({ attempt }) => attempt)], ['succeeded', [1]]);
  const { events } = await eventsOf(pool, id);
  assert.deepEqual(
    events.map(({ state }) => state),
    ['queued', 'assigned', 'succeeded'],
  );
});

test('a job that is handed back at once rests longer each time', async (t) => {
  const pool = await startTestPool(t);
  const { model, nodes } = await joinNodes(t, pool, 1);
  const { id } = await submit(pool, { model });
  for (let i = 0; i < 4; i++) (await nodes[0].jobs.next()).fail('handed_back');
  (await nodes[0].jobs.next()).done({ text: 'kept' });
  const { attempts } = await endOf(pool, id);
  const rests = attempts.slice(1).map(({ queuedAt, startedAt }) => (startedAt ?? 0) - queuedAt);
  // A timer may be a millisecond early by the other clock.
  assert.ok(
    rests.every((ms, index) => ms >= 100 * 2 ** index - 2),
    rests.join(),
  );
});

test('how long a job has waited for its first node stands in its attempt, while that runs and after it, and on its receipt', async (t) => {
  const pool = await startTestPool(t);
  const { id, createdAt } = await submit(pool, { model: 'test/held' });
  const { runs, nodeId } = await addControlled(pool);
  const run = await runs.next();
  await until(async () => (await jobOf(pool, id)).state !== 'queued');
  const [running] = (await jobOf(pool, id)).attempts;
  assert.deepEqual([running?.nodeId, running?.state, running?.queuedAt], [nodeId, 'running', createdAt]);
  run.finish();
  const { attempts, receipt } = await endOf(pool, id);
  assert.equal(attempts[0]?.queuedAt, createdAt);
  assert.equal(receipt?.times.queueMs, (attempts[0]?.startedAt ?? 0) - createdAt);
});

test('a job that nodes were asked for and none began expires when it may wait no longer', async (t) => {
  const pool = await startTestPool(t);
  const { model, nodes } = await joinNodes(t, pool, 1);
  const { id } = await submit(pool, { model, max_wait_ms: 500 });
  for (let i = 0; i < 3; i++) (await nodes[0].jobs.next()).fail('node_busy');
  nodes[0].beat({ slots: { total: 0, used: 0 } });
  const { state, problem } = await endOf(pool, id);
  assert.deepEqual([state, problem?.detail], ['expired', 'No node began the job within 500 ms.']);
});

test('how a job was routed ends with the job, not with a run that broke off', async (t) => {
  const pool = await startTestPool(t);
  const first = await addControlled(pool);
  const { id } = await submit(pool, { model: 'test/held' });
  const decided = async (): Promise<[string, number]> => {
    const response = await pool.request(`/v1/route/decisions/${id.replace('job_', 'dec_')}`);
    const { state, choices } = (await response.json()) as RouteDecision;
    return [state, choices.length];
  };
  await first.runs.next();
  await first.agent.close();
  await until(async () => (await jobOf(pool, id)).state === 'queued');
  assert.deepEqual(await decided(), ['running', 1]);
  const second = await addControlled(pool);
  (await second.runs.next()).finish();
  assert.equal((await endOf(pool, id)).state, 'succeeded');
  assert.deepEqual(await decided(), ['succeeded', 2]);
});

test('a job that fails is not run again', async (t) => {
  const pool = await startTestPool(t);
  const { runs } = await addControlled(pool);
  const { id } = await submit(pool, { model: 'test/held', max_attempts: 5 });
  (await runs.next()).fail(new Error('broken'));
  const job = await endOf(pool, id);
  assert.deepEqual([job.state, job.attempts.length, runs.all.length], ['failed', 1, 1]);
});

test('reads the input of a job from the disk when its turn comes, where memory holds no more of them', async (t) => {
  const pool = await startTestPool(t, { queueLimits: { mostHeldBytes: 0 } });
  await pool.addNode();
  const { id } = await submit(pool, { input: 'from the disk' });
  assert.equal((await endOf(pool, id)).state, 'succeeded');
  assert.match(await (await resultOf(pool, id)).text(), /from the disk/);
});

test('a full queue is told with its length and when to come back; the jobs of one key cannot fill it', async (t) => {
  const pool = await startTestPool(t, { queueLimits: { mostJobs: 3, mostJobsPerKey: 2 } });
  const admin = jobClient(pool, pool.relay.adminToken);
  await submit(pool);
  await submit(pool);
  const body = { service: LLM, model: 'test/echo', input: 'x' };
  const full = await postJob(pool, body);
  assert.deepEqual([full.status, full.headers.get('x-sparewatt-queue-length')], [429, '2']);
  assert.ok(Number(full.headers.get('retry-after')) >= 1);
  assert.match(((await full.json()) as ErrorBody).detail, /^2 jobs of this key/);
  const last = await submit(admin);
  assert.equal((await postJob(admin, body)).status, 429);
  await admin.request(`/v1/jobs/${last.id}/cancel`, { method: 'POST' });
  await submit(admin);
});

test('keys share the nodes by their weights, and within a key the higher priority goes first', async (t) => {
  const pool = await startTestPool(t);
  const admin = jobClient(pool, pool.relay.adminToken);
  const weights = await askAsAdmin<{ keys: unknown }>(pool, '/v1/admin/queue/weights', { key: 'admin', weight: 2 });
  assert.equal(weights.status, 200);
  const order: string[] = [];
  const said = (from: string, count: number) => Array.from({ length: count }, (_, index) => `${from}${index}`);
  for (const input of said('a', 3)) await submit(pool, { model: 'test/held', input });
  await submit(pool, { model: 'test/held', input: 'urgent', priority: 9 });
  for (const input of said('b', 4)) await submit(admin, { model: 'test/held', input });
  const { body: queue } = await askAsAdmin<{ waiting: number; keys: { waiting: number; weight: number }[] }>(
    pool,
    '/v1/admin/queue',
  );
  assert.equal(queue.waiting, 8);
  assert.deepEqual(queue.keys.map(({ waiting, weight }) => `${waiting} of weight ${weight}`).sort(), [
    '4 of weight 1',
    '4 of weight 2',
  ]);
  const { runs } = await addControlled(pool);
  for (let turn = 0; turn < 8; turn++) {
    const { job, finish } = await runs.next();
    const { messages } = job.input as { messages: { content: string }[] };
    order.push(messages[0]?.content ?? '');
    finish();
  }
  assert.deepEqual(
    order.filter((name) => name.startsWith('b')),
    said('b', 4),
  );
  assert.deepEqual(
    order.filter((name) => !name.startsWith('b')),
    ['urgent', 'a0', 'a1', 'a2'],
  );
  assert.equal(order.slice(0, 6).filter((name) => name.startsWith('b')).length, 4, order.join());
});

test('a supervised relay keeps a job back until the operator approves it, and a refused one runs nowhere', async (t) => {
  const pool = await startTestPool(t, { supervised: true });
  const { runtime } = await pool.addNode();
  const [good, bad] = [await submit(pool), await submit(pool)];
  assert.equal(good.state, 'awaiting_approval');
  const input = await askAsAdmin<{ input: { messages: { content: string }[] } }>(
    pool,
    `/v1/admin/jobs/${good.id}/input`,
  );
  assert.equal(input.body.input.messages[0]?.content, 'hello there');
  assert.equal((await ask(pool, `/v1/admin/jobs/${good.id}/approve`, {})).status, 403);
  assert.equal((await askAsAdmin(pool, `/v1/admin/jobs/${bad.id}/refuse`, { reason: 'no' })).status, 200);
  assert.equal(runtime.jobs.length, 0);
  assert.equal((await askAsAdmin(pool, `/v1/admin/jobs/${good.id}/approve`, {})).status, 200);
  assert.equal((await endOf(pool, good.id)).state, 'succeeded');
  const refused = await endOf(pool, bad.id);
  assert.deepEqual([refused.state, refused.problem?.code], ['cancelled', 'task_refused']);
  assert.equal(runtime.jobs.length, 1);
  assert.equal((await askAsAdmin(pool, `/v1/admin/jobs/${bad.id}/approve`, {})).status, 404);
});

test('a result larger than the relay keeps fails its job', async (t) => {
  const pool = await startTestPool(t, { queueLimits: { resultBytes: 200 } });
  await pool.addNode();
  const { id } = await submit(pool, { input: 'word '.repeat(100) });
  const { state, problem } = await endOf(pool, id);
  assert.deepEqual([state, problem?.code], ['failed', 'result_too_large']);
});

test('goes on with its jobs after an orderly restart, which costs no attempt of max_attempts', async (t) => {
  const pool = await startTestPool(t);
  const { dataFolder } = pool;
  const { runs } = await addControlled(pool);
  const { id } = await submit(pool, { model: 'test/held', max_attempts: 1 });
  await runs.next();
  await pool.relay.close();
  const next = await startTestPool(t, { dataFolder });
  assert.equal((await jobOf(next, id)).state, 'queued');
  const again = await addControlled(next);
  const { output, finish } = await again.runs.next();
  output.text('done', 1);
  finish();
  const job = await endOf(next, id);
  assert.equal(job.state, 'succeeded');
  assert.deepEqual(
    job.attempts.map(({ attempt, problem }) => [attempt, problem?.code ?? null]),
    [
      [1, 'draining'],
      [2, null],
    ],
  );
});

test('writes neither inputs nor results of jobs into its log', async (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const pool = await startTestPool(t, { log });
  await pool.addNode();
  const secret = 'marmalade';
  const done = await submit(pool, { input: secret });
  const broken = await submit(pool, { model: 'test/breaking', input: secret });
  assert.equal((await endOf(pool, done.id)).state, 'succeeded');
  assert.equal((await endOf(pool, broken.id)).state, 'failed');
  await ask(pool, '/v1/jobs', { service: LLM, model: 'test/unheard', input: secret });
  await ask(pool, '/v1/jobs', { service: LLM, model: 'test/echo', input: { messages: secret } });
  assert.ok(lines.length > 0);
  assert.doesNotMatch(lines.join(''), /marmalade/);
});
