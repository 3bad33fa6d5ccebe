import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobPage } from '../../../../shared/api/jobs.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import type { Receipt } from '../../../../shared/receipts/receipt.ts';
import { BUILT_IN_SERVICES } from '../../../../shared/registry/catalog/all.ts';
import { addControlled } from '../../../support/nodes/cancellable-node.ts';
import { startTestPool } from '../../../support/pool.ts';
import { ask } from '../../../support/pool-admin.ts';
import { endOf, jobClient, jobOf, LLM, postJob, resultOf, submit } from '../../../support/queued-jobs.ts';
import { createSyntheticRuntime } from '../../../support/runtimes/synthetic-runtime.ts';
import { until } from '../../../support/until.ts';

test('accepts a job, runs it, and keeps its result, its attempt and its receipt', async (t) => {
  const pool = await startTestPool(t);
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
  const pool = await startTestPool(t);
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
  const pool = await startTestPool(t);
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
  const pool = await startTestPool(t);
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
  const pool = await startTestPool(t);
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
  const pool = await startTestPool(t);
  const patient = await submit(pool);
  const impatient = await submit(pool, { max_wait_ms: 50 });
  const ended = await endOf(pool, impatient.id);
  assert.deepEqual([ended.state, ended.problem?.code, ended.attempts], ['expired', 'job_expired', []]);
  assert.equal((await jobOf(pool, patient.id)).state, 'queued');
  await pool.addNode();
  assert.equal((await endOf(pool, patient.id)).state, 'succeeded');
});

test('ends a running job at its deadline, on its node too', async (t) => {
  const pool = await startTestPool(t);
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

test('[X14] a repeated request with the same idempotency key gets the same job, and another request is refused', async (t) => {
  const pool = await startTestPool(t);
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

test('[X14] of many requests with one idempotency key at once one is accepted; the others get its job or are told to wait', async (t) => {
  const pool = await startTestPool(t);
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
