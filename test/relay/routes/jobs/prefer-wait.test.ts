import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import { Value } from 'typebox/value';
import { readWaitS } from '../../../../relay/routes/jobs/prefer-wait.ts';
import { type Job, JobOutcome } from '../../../../shared/api/jobs.ts';
import { afterTest } from '../../../support/after-test.ts';
import { pretendedModel } from '../../../support/models/pretended-model.ts';
import { type Pool, startPool } from '../../../support/pool.ts';
import { endOf, jobClient, LLM, postJob, submit } from '../../../support/queued-jobs.ts';
import { createControlledRuntime } from '../../../support/runtimes/controlled-runtime.ts';

const WAIT = { prefer: 'wait=30' };

/** A node whose model is the test. */
async function addHeld(pool: Pool) {
  const runtime = createControlledRuntime([pretendedModel('test/held')]);
  await pool.addNode({ runtime, slots: 2, name: 'held' });
  return runtime.runs;
}

const pool = await startPool();
after(() => pool.close());
await pool.addNode();
const runs = await addHeld(pool);

/** What was answered, which must be as it is documented. */
async function outcomeOf(response: Response): Promise<JobOutcome> {
  const outcome: unknown = await response.json();
  assert.ok(Value.Check(JobOutcome, outcome), JSON.stringify(outcome));
  return outcome;
}

test('reads the preference among others, and holds no answer longer than proxies do', () => {
  const waitOf = (prefer?: string): number => readWaitS({ headers: { prefer } } as unknown as FastifyRequest);
  const read = ['wait=5', 'respond-async, Wait = "7"', 'wait=3; x=1, handling=lenient', 'wait=99999'].map(waitOf);
  assert.deepEqual(read, [5, 7, 3, 50]);
  const passedOver = [undefined, '', 'wait', 'wait=', 'wait=-1', 'wait=1.5', 'await=4', 'handling; wait=4'].map(waitOf);
  assert.deepEqual(passedOver, [0, 0, 0, 0, 0, 0, 0, 0]);
});

test('answers a submission with the result of a job that ends in time', async () => {
  const response = await postJob(pool, { service: LLM, model: 'test/echo', input: 'hello there' }, WAIT);
  const outcome = await outcomeOf(response);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('preference-applied'), 'wait=30');
  assert.equal(response.headers.get('location'), `/v1/jobs/${outcome.id}`);
  assert.deepEqual([outcome.state, outcome.problem], ['succeeded', null]);
  assert.equal((outcome.result as { text: string }).text, 'hello there');
  assert.equal((await endOf(pool, outcome.id)).queue?.resultKept, true, 'a job as any other');
});

test('answers a submission with the problem of a job that failed', async () => {
  const response = await postJob(pool, { service: LLM, model: 'test/failing', input: 'x' }, WAIT);
  const { state, problem, result } = await outcomeOf(response);
  assert.deepEqual([response.status, state, problem?.code, result], [200, 'failed', 'node_fault', null]);
});

test('answers with 202 when the job takes longer, and the job goes on', async () => {
  const response = await postJob(pool, { service: LLM, model: 'test/held', input: 'x' }, { prefer: 'wait=1' });
  const job = (await response.json()) as Job;
  assert.deepEqual([response.status, response.headers.get('preference-applied')], [202, 'wait=1']);
  assert.ok(['assigned', 'running'].includes(job.state), 'the job as it is then');
  (await runs.next()).finish();
  assert.equal((await endOf(pool, job.id)).state, 'succeeded');
});

test('gives whoever repeats a submission the same outcome, at once or when it is there', async () => {
  const ask = () =>
    postJob(pool, { service: LLM, model: 'test/held', input: 'x' }, { ...WAIT, 'idempotency-key': 'once' });
  const { id } = (await (
    await postJob(pool, { service: LLM, model: 'test/held', input: 'x' }, { 'idempotency-key': 'once' })
  ).json()) as Job;
  const waiting = ask();
  (await runs.next()).finish();
  for (const response of [await waiting, await ask()]) {
    const outcome = await outcomeOf(response);
    assert.deepEqual([response.status, outcome.id, outcome.state], [200, id, 'succeeded']);
    assert.equal(response.headers.get('idempotency-replayed'), 'true');
  }
});

test('holds the answer to who asks for a result back until it is there, for the key of the job alone', async () => {
  const { id } = await submit(pool, { model: 'test/held' });
  const run = await runs.next();
  const stranger = jobClient(pool, pool.relay.adminToken.replace(/.$/, '_'));
  assert.equal((await stranger.request(`/v1/jobs/${id}/result`, { headers: WAIT })).status, 401);
  const waiting = pool.request(`/v1/jobs/${id}/result`, { headers: WAIT });
  run.output.text('at last', 2);
  run.finish();
  const response = await waiting;
  const { result } = (await response.json()) as { result: { text: string } };
  assert.deepEqual([response.status, result.text], [200, 'at last']);
});

test('lets the client of a job go when the relay closes, with the id under which it goes on', async (t) => {
  const other = await startPool();
  const held = await addHeld(other);
  const waiting = postJob(other, { service: LLM, model: 'test/held', input: 'x' }, WAIT);
  const run = await held.next();
  const closing = other.close();
  afterTest(t, () => closing);
  const response = await waiting;
  assert.equal(response.status, 202);
  assert.match(((await response.json()) as Job).id, /^job_/);
  run.finish();
  await closing;
});
