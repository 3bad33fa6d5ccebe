import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pino from 'pino';
import type { JobPage } from '../../../shared/api/jobs.ts';
import type { ErrorBody } from '../../../shared/problems/http.ts';
import type { Receipt } from '../../../shared/receipts/receipt.ts';
import { BUILT_IN_SERVICES } from '../../../shared/registry/catalog/all.ts';
import type { Runtime } from '../../../shared/runtimes/runtime.ts';
import { afterTest } from '../../support/after-test.ts';
import { createControlledRuntime } from '../../support/controlled-runtime.ts';
import { type Pool, startPool } from '../../support/pool.ts';
import { ask, askAsAdmin } from '../../support/pool-admin.ts';
import { pretendedModel } from '../../support/pretended-model.ts';
import { endOf, eventsOf, jobClient, jobOf, LLM, postJob, resultOf, submit } from '../../support/queued-jobs.ts';
import { createSyntheticRuntime } from '../../support/synthetic-runtime.ts';
import { until } from '../../support/until.ts';

async function poolFor(t: TestContext, options: Parameters<typeof startPool>[0] = {}): Promise<Pool> {
  const pool = await startPool(options);
  afterTest(t, pool.close);
  return pool;
}

/** A node of one slot that does what the test says, and lets go of what is cancelled. */
async function addControlled(pool: Pool, model = 'test/held') {
  const inner = createControlledRuntime([pretendedModel(model)]);
  const cancelled = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  const runtime: Runtime = {
    ...inner,
    run: (job, output, signal) => Promise.race([inner.run(job, output, signal), cancelled(signal)]),
  };
  return { ...(await pool.addNode({ runtime, slots: 1, name: 'held' })), runs: inner.runs };
}

test('accepts a job, runs it, and keeps its result, its attempt and its receipt', async (t) => {
  const pool = await poolFor(t);
  const { nodeId } = await pool.addNode();
  const response = await postJob(pool, { service: LLM, model: 'test/echo', input: 'hello there' });
  assert.equal(response.status, 202);
  const accepted = (await response.json()) as { id: string; state: string };
  assert.match(accepted.id, /^job_/);
  assert.equal(accepted.state, 'queued');
  assert.equal(response.headers.get('location'), `/v1/jobs/${accepted.id}`);
  const job = await endOf(pool, accepted.id);
  assert.deepEqual([job.state, job.problem, job.queue?.service], ['succeeded', null, LLM]);
  assert.deepEqual(
    job.attempts.map((one) => [one.attempt, one.nodeId, one.state, one.problem]),
    [[1, nodeId, 'succeeded', null]],
  );
  assert.ok((job.attempts[0]?.epoch ?? 0) > 0);
  const result = (await (await resultOf(pool, job.id)).json()) as { result: { text: string } };
  assert.equal(result.result.text, 'hello there');
  const receipt = (await (await pool.request(`/v1/jobs/${job.id}/receipt`)).json()) as { job: string; node: string };
  assert.deepEqual([receipt.job, receipt.node], [job.id, nodeId]);
});

test('runs the other services too, and takes the model of the input or one that a node serves', async (t) => {
  const pool = await poolFor(t);
  await pool.addNode({ runtime: createSyntheticRuntime({ 'test/ears': 'stt' }) });
  const vectors = await submit(pool, { service: 'embed/text', model: null, input: ['ab', 'abcd'] });
  assert.equal(vectors.model, 'test/vectors');
  const chat = { model: 'test/noop', messages: [{ role: 'user', content: 'x' }] };
  const answer = await submit(pool, { model: null, input: chat });
  const heard = await submit(pool, {
    service: 'capability/stt',
    model: null,
    input: { model: 'test/ears', audio: 'QQ' },
  });
  const read = async (id: string): Promise<unknown> => {
    assert.equal((await endOf(pool, id)).state, 'succeeded');
    return ((await (await resultOf(pool, id)).json()) as { result: unknown }).result;
  };
  const { embeddings } = (await read(vectors.id)) as { embeddings: number[][] };
  assert.deepEqual(
    embeddings.map(([first]) => first),
    [2, 4],
  );
  assert.equal(((await read(answer.id)) as { text: string }).text, 'ok');
  assert.deepEqual(((await read(heard.id)) as { heard: unknown }).heard, { audio: 'QQ' });
});

test('runs any service of the registry, and gives the output that its schema promises', async (t) => {
  const pool = await poolFor(t);
  await pool.addNode();
  const input = { query: 'abcd', documents: ['ab', 'abcd'] };
  const { id } = await submit(pool, { service: 'analytics/semantic-rank', model: 'test/vectors', input });
  const job = await endOf(pool, id);
  assert.deepEqual([job.state, job.problem, job.queue?.service], ['succeeded', null, 'analytics/semantic-rank']);
  const { result } = (await (await resultOf(pool, id)).json()) as { result: { results: { index: number }[] } };
  assert.equal(result.results.length, 2);
  const receipt = (await (await pool.request(`/v1/jobs/${id}/receipt`)).json()) as Receipt;
  assert.deepEqual([receipt.service, receipt.signatures.verdict], ['analytics/semantic-rank', 'sound']);
});

test('takes the input of a service in the form that the registry tells, for those behind a type of job too', async (t) => {
  const pool = await poolFor(t);
  await pool.addNode();
  for (const [service, model] of [
    [LLM, 'test/echo'],
    ['embed/text', 'test/vectors'],
  ] as const) {
    const { examples } = BUILT_IN_SERVICES.find(({ id }) => id === service) ?? assert.fail(service);
    for (const { input } of examples) {
      const { id } = await submit(pool, { service, model, input });
      assert.equal((await endOf(pool, id)).state, 'succeeded', JSON.stringify(input));
    }
  }
  const both = { prompt: 'x', messages: [{ role: 'user', content: 'y' }] };
  const response = await postJob(pool, { service: LLM, model: 'test/echo', input: { prompt: 'one two three' } });
  const job = await endOf(pool, ((await response.json()) as { id: string }).id);
  const result = (await (await resultOf(pool, job.id)).json()) as { result: { text: string } };
  assert.equal(result.result.text, 'one two three');
  assert.equal((await postJob(pool, { service: LLM, model: 'test/echo', input: both })).status, 400);
});

test('refuses what no node could run, with the place at fault', async (t) => {
  const pool = await poolFor(t);
  await pool.addNode();
  const wrong: [Record<string, unknown>, string, string | null][] = [
    [{ service: 'chess/play', input: 'x' }, 'service_not_found', 'service'],
    [{ service: 'llm/translate', input: 'x' }, 'invalid_value', 'input'],
    [{ service: 'llm/translate', input: { text: 'x' } }, 'missing_required_parameter', 'input.to'],
    [{ service: 'blender/render', input: { file: 'x' } }, 'invalid_value', 'input.file'],
    [{ input: 'x' }, 'missing_required_parameter', 'service'],
    [{ service: LLM, model: 'test/unheard', input: 'x' }, 'model_not_found', 'model'],
    [{ service: LLM, model: 'test/vectors', input: 'x' }, 'invalid_value', 'model'],
    [{ service: LLM, model: 'test/echo', input: { messages: 'x' } }, 'invalid_value', 'input.messages'],
    [{ service: LLM, model: 'test/echo', input: 'x', deadline: 1 }, 'invalid_value', 'deadline'],
    [{ service: LLM, model: 'test/echo', input: 'x', max_attempts: 0 }, 'invalid_value', 'max_attempts'],
    [{ service: LLM, model: 'test/echo', input: 'x', routing: { node: 'nobody' } }, 'invalid_value', 'routing.node'],
  ];
  for (const [body, code, param] of wrong) {
    const answer = (await ask<ErrorBody>(pool, '/v1/jobs', body)).body;
    assert.deepEqual([answer.code, answer.error?.param], [code, param], JSON.stringify(body));
  }
});

test('waits for a node that serves the model, and expires when none began it in time', async (t) => {
  const pool = await poolFor(t);
  const patient = await submit(pool);
  const impatient = await submit(pool, { max_wait_ms: 50 });
  const ended = await endOf(pool, impatient.id);
  assert.deepEqual([ended.state, ended.problem?.code, ended.attempts], ['expired', 'job_expired', []]);
  assert.equal((await jobOf(pool, patient.id)).state, 'queued');
  await pool.addNode();
  assert.equal((await endOf(pool, patient.id)).state, 'succeeded');
});

test('ends a running job at its deadline, on its node too', async (t) => {
  const pool = await poolFor(t);
  const { runs } = await addControlled(pool);
  const job = await submit(pool, { model: 'test/held', deadline: Date.now() + 1_000 });
  const { signal } = await runs.next();
  const { state, problem, attempts } = await endOf(pool, job.id);
  assert.deepEqual([state, problem?.code], ['expired', 'job_expired']);
  assert.deepEqual(
    attempts.map((attempt) => attempt.problem?.code),
    ['job_expired'],
  );
  await until(() => signal.aborted);
});

test('a repeated request with the same idempotency key gets the same job, and another request is refused', async (t) => {
  const pool = await poolFor(t);
  await pool.addNode();
  const body = { service: LLM, model: 'test/echo', input: 'once' };
  const key = { 'idempotency-key': 'a-1' };
  const first = await postJob(pool, body, key);
  const { id } = (await first.json()) as { id: string };
  assert.equal(first.headers.get('idempotency-replayed'), null);
  await endOf(pool, id);
  const again = await postJob(pool, { input: 'once', model: 'test/echo', service: LLM }, key);
  assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [202, 'true']);
  const replayed = (await again.json()) as { id: string; state: string };
  assert.deepEqual([replayed.id, replayed.state], [id, 'succeeded']);
  const other = await postJob(pool, { ...body, input: 'twice' }, key);
  assert.equal(other.status, 422);
  assert.equal(((await other.json()) as ErrorBody).code, 'idempotency_key_reused');
  const broken = await postJob(pool, body, { 'idempotency-key': 'a b' });
  assert.equal(broken.status, 400);
  const asAdmin = await postJob(jobClient(pool, pool.relay.adminToken), body, key);
  assert.notEqual(((await asAdmin.json()) as { id: string }).id, id);
});

test('of many requests with one idempotency key at once one is accepted; the others get its job or are told to wait', async (t) => {
  const pool = await poolFor(t);
  await pool.addNode();
  const body = { service: LLM, model: 'test/echo', input: 'once' };
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => postJob(pool, body, { 'idempotency-key': 'same' })),
  );
  const ids = new Set<string>();
  for (const answer of answers) {
    const said = (await answer.json()) as { id: string; code: string };
    if (answer.status === 202) ids.add(said.id);
    else
      assert.deepEqual(
        [answer.status, said.code, answer.headers.get('retry-after')],
        [409, 'idempotency_in_flight', '1'],
      );
  }
  assert.equal(ids.size, 1);
  const { data } = (await ask<JobPage>(pool, '/v1/jobs')).body;
  assert.equal(data.length, 1);
});

test('lists jobs in pages, a key its own and the operator all, and shows nobody those of others', async (t) => {
  const pool = await poolFor(t);
  await pool.addNode();
  const admin = jobClient(pool, pool.relay.adminToken);
  const own = [await submit(pool), await submit(pool), await submit(pool)].map(({ id }) => id);
  await pool.client().chat.completions.create({ model: 'test/noop', messages: [{ role: 'user', content: 'x' }] });
  const foreign = await submit(admin);
  await Promise.all(own.map((id) => endOf(pool, id)));
  await until(async () => (await ask<JobPage>(pool, '/v1/jobs')).body.data.length === 4);
  const first = (await ask<JobPage>(pool, '/v1/jobs?limit=3')).body;
  const second = (await ask<JobPage>(pool, `/v1/jobs?limit=3&after=${first.next}`)).body;
  assert.deepEqual([first.data.length, second.data.length, second.next], [3, 1, null]);
  assert.deepEqual(
    [...first.data, ...second.data].map(({ id }) => id).filter((id) => own.includes(id)),
    own.toReversed(),
  );
  const all = (await askAsAdmin<JobPage>(pool, '/v1/jobs')).body.data.map(({ id }) => id);
  assert.ok(own.every((id) => all.includes(id)) && all.includes(foreign.id));
  for (const path of ['', '/result', '/events', '/receipt']) {
    assert.equal((await pool.request(`/v1/jobs/${foreign.id}${path}`)).status, 404);
  }
  assert.equal((await pool.request(`/v1/jobs/${foreign.id}`, { method: 'DELETE' })).status, 404);
  assert.equal((await jobOf(admin, own[0] ?? '')).id, own[0]);
});

test('tells each change as an event with an id, and one who comes back only what was missed', async (t) => {
  const pool = await poolFor(t);
  const waiting = await submit(pool);
  const live = eventsOf(pool, waiting.id);
  await pool.addNode();
  const { events, ids, comments } = await live;
  const states = events.map(({ state }) => state);
  assert.deepEqual([states[0], states[1], states.at(-1)], ['queued', 'assigned', 'succeeded']);
  assert.deepEqual(
    ids,
    states.map((_, index) => String(index + 1)),
  );
  assert.ok(comments.includes(': queued 1'), comments.join());
  const later = await eventsOf(pool, waiting.id, '1');
  assert.deepEqual(later.events, events.slice(1));
  assert.equal((await eventsOf(pool, waiting.id, ids.at(-1))).status, 204);
  assert.equal((await eventsOf(pool, waiting.id, 'nonsense')).events.length, events.length);
});

test('a stream of events ends with the relay', async () => {
  const pool = await startPool();
  const { id } = await submit(pool);
  const live = eventsOf(pool, id);
  await until(async () => (await jobOf(pool, id)).state === 'queued');
  await pool.close();
  const { events } = await live;
  assert.deepEqual(
    events.map(({ state }) => state),
    ['queued'],
  );
});

test('cancels a job that waits and one that runs; cancelling again changes nothing', async (t) => {
  const pool = await poolFor(t);
  const { runs } = await addControlled(pool);
  const running = await submit(pool, { model: 'test/held' });
  const waiting = await submit(pool, { model: 'test/held' });
  const { signal } = await runs.next();
  for (const { id } of [waiting, running]) {
    const response = await pool.request(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    const job = (await response.json()) as { state: string; problem: { code: string } };
    assert.deepEqual([response.status, job.state, job.problem.code], [200, 'cancelled', 'cancelled']);
    await pool.request(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    assert.equal((await eventsOf(pool, id)).events.filter(({ state }) => state === 'cancelled').length, 1);
  }
  await until(() => signal.aborted);
  assert.equal(runs.all.length, 1);
});

test('a deleted job is ended and its result forgotten; its record stays', async (t) => {
  const pool = await poolFor(t);
  await pool.addNode();
  const { id } = await submit(pool);
  await endOf(pool, id);
  assert.equal((await pool.request(`/v1/jobs/${id}`, { method: 'DELETE' })).status, 200);
  assert.equal((await resultOf(pool, id)).status, 404);
  const job = await jobOf(pool, id);
  assert.deepEqual([job.state, job.queue], ['succeeded', null]);
  assert.equal((await pool.request(`/v1/jobs/${id}/receipt`)).status, 200);
  const { events } = await eventsOf(pool, id);
  assert.deepEqual(
    events.map(({ state }) => state),
    ['succeeded'],
  );
});

test('the result of a job that has not ended, or has failed, is refused with the reason', async (t) => {
  const pool = await poolFor(t);
  const { runs } = await addControlled(pool);
  const { id } = await submit(pool, { model: 'test/held' });
  const { fail } = await runs.next();
  const early = await resultOf(pool, id);
  assert.deepEqual([early.status, early.headers.get('retry-after')], [409, '1']);
  assert.equal(((await early.json()) as ErrorBody).code, 'job_unfinished');
  fail(new Error('nobody outside may read this'));
  assert.equal((await endOf(pool, id)).problem?.code, 'node_fault');
  const late = await resultOf(pool, id);
  const body = (await late.json()) as ErrorBody;
  assert.deepEqual([late.status, body.code], [404, 'result_not_found']);
  assert.match(body.detail, /failed.*node_fault/);
  assert.doesNotMatch(body.detail, /nobody/);
});

test('a node that vanishes costs an attempt, not the job: it goes to another, with both attempts kept', async (t) => {
  const pool = await poolFor(t);
  const first = await addControlled(pool);
  const { id } = await submit(pool, { model: 'test/held' });
  const { output } = await first.runs.next();
  output.text('half an ', 2);
  await first.agent.close();
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
    events.map(({ state }) => state).filter((state) => state !== 'running'),
    ['queued', 'assigned', 'queued', 'assigned', 'succeeded'],
  );
});

test('a job that fails is not run again', async (t) => {
  const pool = await poolFor(t);
  const { runs } = await addControlled(pool);
  const { id } = await submit(pool, { model: 'test/held', max_attempts: 5 });
  (await runs.next()).fail(new Error('broken'));
  const job = await endOf(pool, id);
  assert.deepEqual([job.state, job.attempts.length, runs.all.length], ['failed', 1, 1]);
});

test('reads the input of a job from the disk when its turn comes, where memory holds no more of them', async (t) => {
  const pool = await poolFor(t, { queueLimits: { mostHeldBytes: 0 } });
  await pool.addNode();
  const { id } = await submit(pool, { input: 'from the disk' });
  assert.equal((await endOf(pool, id)).state, 'succeeded');
  assert.match(await (await resultOf(pool, id)).text(), /from the disk/);
});

test('a full queue is told with its length and when to come back; the jobs of one key cannot fill it', async (t) => {
  const pool = await poolFor(t, { queueLimits: { mostJobs: 3, mostJobsPerKey: 2 } });
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
  const pool = await poolFor(t);
  const admin = jobClient(pool, pool.relay.adminToken);
  const weights = await askAsAdmin<{ keys: unknown }>(pool, '/v1/admin/queue/weights', { key: 'admin', weight: 2 });
  assert.equal(weights.status, 200);
  const order: string[] = [];
  const said = (from: string, count: number) => Array.from({ length: count }, (_, index) => `${from}${index}`);
  for (const input of said('a', 3)) await submit(pool, { model: 'test/held', input });
  await submit(pool, { model: 'test/held', input: 'urgent', priority: 9 });
  for (const input of said('b', 4)) await submit(admin, { model: 'test/held', input });
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
  const pool = await poolFor(t, { supervised: true });
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
  const pool = await poolFor(t, { queueLimits: { resultBytes: 200 } });
  await pool.addNode();
  const { id } = await submit(pool, { input: 'word '.repeat(100) });
  const { state, problem } = await endOf(pool, id);
  assert.deepEqual([state, problem?.code], ['failed', 'result_too_large']);
});

test('goes on with its jobs after an orderly restart, which costs no attempt of max_attempts', async (t) => {
  const pool = await startPool();
  const { dataFolder } = pool;
  const { runs } = await addControlled(pool);
  const { id } = await submit(pool, { model: 'test/held', max_attempts: 1 });
  await runs.next();
  await pool.relay.close();
  const next = await startPool({ dataFolder });
  afterTest(t, pool.close);
  afterTest(t, next.close);
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
  const pool = await poolFor(t, { log });
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
