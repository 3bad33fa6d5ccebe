import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JobPage } from '../../../../shared/api/jobs.ts';
import type { CreatedKey } from '../../../../shared/api/keys.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { addControlled } from '../../../support/nodes/cancellable-node.ts';
import { startTestPool } from '../../../support/pool.ts';
import { askAsAdmin } from '../../../support/pool-admin.ts';
import { eventsOf, type JobClient, jobClient, jobOf, resultOf } from '../../../support/queued-jobs.ts';
import { until } from '../../../support/until.ts';

test('a job that its client waits for is found while it runs, by its key and the operator, and by nobody else', async (t) => {
  const { pool, id, answer, run } = await startHeld(t);
  const job = await jobOf(pool, id);
  const [attempt] = job.attempts;
  assert.deepEqual([job.id, job.state, job.finishedAt, job.problem, job.queue], [id, 'running', null, null, null]);
  assert.deepEqual([job.attempts.length, attempt?.attempt, attempt?.state], [1, 1, 'running']);
  assert.equal(attempt?.nodeId, pool.relay.nodes()[0]);
  assert.ok(attempt?.startedAt !== null && job.createdAt <= (attempt?.startedAt ?? 0));
  assert.equal((await jobOf(jobClient(pool, pool.relay.adminToken), id)).state, 'running');
  const listed = async (client: JobClient, query = ''): Promise<string[]> => {
    const { data } = (await (await client.request(`/v1/jobs${query}`)).json()) as JobPage;
    return data.map((item) => `${item.id} ${item.state}`);
  };
  const operator = jobClient(pool, pool.relay.adminToken);
  for (const client of [pool, operator]) {
    assert.deepEqual(await listed(client), [`${id} running`]);
    assert.deepEqual(await listed(client, '?state=running'), [`${id} running`]);
    assert.deepEqual(await listed(client, '?state=succeeded'), []);
  }
  const { body: stranger } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'stranger' });
  const other = jobClient(pool, stranger.key);
  assert.deepEqual(await listed(other), []);
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/result'],
    ['GET', '/events'],
    ['GET', '/receipt'],
    ['GET', '/receipts'],
    ['POST', '/cancel'],
    ['DELETE', ''],
  ]) {
    assert.equal(
      (await other.request(`/v1/jobs/${id}${path}`, { method: method ?? '' })).status,
      404,
      `${method} ${path}`,
    );
  }
  assert.equal(((await (await resultOf(pool, id)).json()) as ErrorBody).code, 'job_unfinished');
  const early = await pool.request(`/v1/jobs/${id}/receipt`);
  assert.deepEqual(
    [((await early.json()) as ErrorBody).code, early.headers.get('retry-after')],
    ['job_unfinished', '1'],
  );
  assert.deepEqual(await (await pool.request(`/v1/jobs/${id}/receipts`)).json(), { data: [], next: null });
  const events = eventsOf(pool, id);
  run.finish();
  assert.match(await answer, /\[DONE\]/);
  // At once, though its record may still be on its way to the disk.
  const ended = await jobOf(pool, id);
  assert.deepEqual([ended.state, ended.receipt?.job], ['succeeded', id]);
  assert.deepEqual(await listed(operator), [`${id} succeeded`]);
  assert.deepEqual(
    (await events).events.map(({ state }) => state),
    ['running', 'succeeded'],
  );
});

for (const [verb, method, path] of [
  ['POST …/cancel', 'POST', '/cancel'],
  ['DELETE', 'DELETE', ''],
] as const) {
  test(`${verb} ends a job that its client waits for, and its client is told`, async (t) => {
    const { pool, id, answer, run } = await startHeld(t);
    const response = await pool.request(`/v1/jobs/${id}${path}`, { method });
    const job = (await response.json()) as { state: string; problem: { code: string } };
    assert.deepEqual([response.status, job.state, job.problem.code], [200, 'cancelled', 'cancelled']);
    await until(() => run.signal.aborted);
    assert.match(await answer, /data: \{"error":.*"code":"cancelled"/);
    assert.equal((await jobOf(pool, id)).state, 'cancelled');
    // It has ended: once more changes nothing.
    assert.equal((await pool.request(`/v1/jobs/${id}${path}`, { method })).status, 200);
  });
}

/** A chat whose first word its client has, and which goes on as the test says. */
async function startHeld(t: TestContext) {
  const pool = await startTestPool(t);
  const { runs } = await addControlled(pool);
  const asked = ask(pool);
  const run = await runs.next();
  run.output.text('a', 1);
  const response = await asked;
  const id = response.headers.get('x-sparewatt-job') ?? '';
  return { pool, id, run, answer: response.text() };
}

function ask(client: JobClient): Promise<Response> {
  const body = { model: 'test/held', stream: true, messages: [{ role: 'user', content: 'x' }] };
  const headers = { 'content-type': 'application/json' };
  return client.request('/v1/chat/completions', { method: 'POST', headers, body: JSON.stringify(body) });
}
