import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobPage } from '../../../../shared/api/jobs.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { addControlled } from '../../../support/nodes/cancellable-node.ts';
import { startTestPool } from '../../../support/pool.ts';
import { ask, askAsAdmin } from '../../../support/pool-admin.ts';
import { endOf, eventsOf, jobClient, jobOf, resultOf, submit } from '../../../support/queued-jobs.ts';
import { until } from '../../../support/until.ts';

test('lists jobs in pages, a key its own and the operator all, and shows nobody those of others', async (t) => {
  const pool = await startTestPool(t);
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

test('lists jobs by state, one or several, and refuses what is no state and no parameter by its name', async (t) => {
  const pool = await startTestPool(t);
  const done = await submit(pool);
  await pool.addNode();
  await endOf(pool, done.id);
  const { id } = await submit(pool, { model: 'test/failing', max_attempts: 1 });
  await endOf(pool, id);
  const { runs } = await addControlled(pool);
  const held = await submit(pool, { model: 'test/held' });
  const waiting = await submit(pool, { model: 'test/held' });
  await runs.next();
  await until(async () => (await jobOf(pool, held.id)).state === 'running');
  const list = async (path: string) => (await askAsAdmin<JobPage>(pool, path)).body.data.map((job) => job.id);
  for (const path of ['/v1/jobs', '/v1/admin/jobs']) {
    assert.deepEqual(await list(`${path}?state=succeeded`), [done.id]);
    assert.deepEqual(await list(`${path}?state=failed`), [id]);
    assert.deepEqual(await list(`${path}?state=running`), [held.id]);
    assert.deepEqual(await list(`${path}?state=queued,%20succeeded,failed`), [waiting.id, id, done.id]);
    assert.deepEqual(await list(`${path}?state=cancelled`), []);
    const page = (await askAsAdmin<JobPage>(pool, `${path}?state=failed,queued&limit=1`)).body;
    assert.deepEqual([page.data.map((job) => job.id), page.next], [[waiting.id], waiting.id]);
    assert.deepEqual(await list(`${path}?state=failed,queued&limit=1&after=${page.next}`), [id]);
    for (const [query, param, named] of [
      ['state=done', 'state', /awaiting_approval, queued.* not "done"/],
      ['state=', 'state', /not ""/],
      ['status=failed', 'status', /Unknown parameter: 'status'/],
    ] as const) {
      const refused = await askAsAdmin<ErrorBody>(pool, `${path}?${query}`);
      assert.deepEqual([refused.status, refused.body.code, refused.body.error.param], [400, 'invalid_value', param]);
      assert.match(refused.body.detail, named);
    }
  }
});

test('tells each change as an event with an id, and one who comes back only what was missed', async (t) => {
  const pool = await startTestPool(t);
  const waiting = await submit(pool);
  const live = eventsOf(pool, waiting.id);
  // A job that was put back with an older backup has not come as far yet as its clients have seen.
  const ahead = eventsOf(pool, waiting.id, '9');
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
  for (const unknown of ['nonsense', '9', '9999999999999999']) {
    assert.deepEqual((await eventsOf(pool, waiting.id, unknown)).events, events);
  }
  assert.deepEqual((await ahead).events, events);
});

test('whoever asks for a result until it is there is told that the job goes on, and never that there is none', async (t) => {
  const pool = await startTestPool(t);
  await pool.addNode();
  for (let jobs = 0; jobs < 25; jobs += 1) {
    const { id } = await submit(pool);
    let code: string | undefined = 'job_unfinished';
    while (code === 'job_unfinished') ({ code } = (await (await resultOf(pool, id)).json()) as { code?: string });
    assert.equal(code, undefined, `job ${jobs}`);
  }
});

test('a stream of events ends with the relay', async (t) => {
  const pool = await startTestPool(t);
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
  const pool = await startTestPool(t);
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
  const pool = await startTestPool(t);
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

test('result and receipt of a job that has not ended, or has failed, are refused with the reason', async (t) => {
  const pool = await startTestPool(t);
  const { runs } = await addControlled(pool);
  const { id } = await submit(pool, { model: 'test/held' });
  const { fail } = await runs.next();
  const receiptOf = () => pool.request(`/v1/jobs/${id}/receipt`);
  for (const early of [await resultOf(pool, id), await receiptOf()]) {
    assert.deepEqual([early.status, early.headers.get('retry-after')], [409, '1']);
    assert.equal(((await early.json()) as ErrorBody).code, 'job_unfinished');
  }
  fail(new Error('nobody outside may read this'));
  assert.equal((await endOf(pool, id)).problem?.code, 'node_fault');
  const late = await resultOf(pool, id);
  const body = (await late.json()) as ErrorBody;
  assert.deepEqual([late.status, body.code], [404, 'result_not_found']);
  assert.match(body.detail, /failed.*node_fault/);
  assert.equal(((await (await receiptOf()).json()) as ErrorBody).code, 'receipt_not_found');
  assert.doesNotMatch(body.detail, /nobody/);
});
