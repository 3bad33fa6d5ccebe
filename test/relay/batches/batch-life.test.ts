/** What becomes of batches that do not just run through: each line of the input is in one of the files, once. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type OpenAI from 'openai';
import { openStore } from '../../../relay/store/open-store.ts';
import type { OwnedBatchPage } from '../../../shared/api/batches.ts';
import type { ApiKey, CreatedKey } from '../../../shared/api/keys.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { afterTest } from '../../support/after-test.ts';
import {
  type Batch,
  batchOnce,
  bodyOf,
  chatLine,
  endOfBatch,
  idsOf,
  lineOf,
  makeBatch,
  rowsIn,
  rowsOf,
} from '../../support/batches.ts';
import { createInbox } from '../../support/inbox.ts';
import { pretendedModel } from '../../support/models/pretended-model.ts';
import { type Pool, startPool, startTestPool } from '../../support/pool.ts';
import { askAsAdmin, makeKey } from '../../support/pool-admin.ts';
import { submit } from '../../support/queued-jobs.ts';
import {
  type ControlledRun,
  type ControlledRuntime,
  createControlledRuntime,
} from '../../support/runtimes/controlled-runtime.ts';
import { untilCancelled } from '../../support/runtimes/scripted-runtime.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

/** Lines for a model that the test is. */
const held = (count: number): string[] =>
  Array.from({ length: count }, (_, at) =>
    lineOf(`line ${at}`, { model: 'test/held', messages: [{ role: 'user', content: `${at}` }] }),
  );
const names = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => `line ${from + at}`);

async function addHeldNode(pool: Pool, slots = 2): Promise<ControlledRuntime> {
  const runtime = heldRuntime();
  await pool.addNode({ name: 'held', slots, runtime });
  return runtime;
}

/** What nobody finishes ends when it is cancelled. */
function heldRuntime(): ControlledRuntime {
  const runtime = createControlledRuntime([pretendedModel('test/held')]);
  const run: ControlledRuntime['run'] = (job, output, signal) =>
    Promise.race([runtime.run(job, output, signal), untilCancelled(signal)]);
  return { ...runtime, run };
}

function finish(run: ControlledRun): void {
  run.output.text('said', 1);
  run.finish();
}

/** Finishes whatever comes. */
function finishAll(runtime: ControlledRuntime): void {
  void (async () => {
    while (true) finish(await runtime.runs.next());
  })();
}

const codesOf = (rows: Awaited<ReturnType<typeof rowsOf>>['not']): string[] =>
  rows.map((row) => row.error?.code ?? bodyOf(row).error.code);

async function wholeEnd(client: OpenAI, { id }: Batch) {
  const batch = await endOfBatch(client, id);
  return { batch, ...(await rowsOf(client, batch)) };
}

test('a batch is cancelled: what is answered stays, what runs is ended, what waits is never asked', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 4 } });
  const runtime = await addHeldNode(pool);
  const client = pool.client();
  const made = await makeBatch(client, held(10));
  finish(await runtime.runs.next());
  await batchOnce(client, made.id, ({ request_counts: counts }) => counts?.completed === 1);
  const running = [await runtime.runs.next(), await runtime.runs.next()];
  assert.equal((await client.batches.cancel(made.id)).status, 'cancelling');
  const { batch, done, not } = await wholeEnd(client, made);
  assert.deepEqual([batch.status, batch.request_counts], ['cancelled', { total: 10, completed: 1, failed: 9 }]);
  assert.ok(batch.cancelling_at && batch.cancelled_at && batch.completed_at === null);
  assert.deepEqual(idsOf(done), ['line 0']);
  assert.deepEqual(idsOf(not), names(1, 10));
  assert.deepEqual(new Set(codesOf(not)), new Set(['batch_cancelled']));
  await until(() => running.every(({ signal }) => signal.aborted));
  assert.equal(runtime.runs.all.length, 3);
  assert.deepEqual(await client.batches.cancel(made.id), batch);
});

test('a batch is cancelled while its input is still checked, and has no files then', async (t) => {
  const pool = await startTestPool(t);
  const client = pool.client();
  const pad = 'x'.repeat(4_000_000);
  const made = await makeBatch(
    client,
    Array.from({ length: 20 }, (_, at) => chatLine(`${at}`, pad)),
  );
  await client.batches.cancel(made.id);
  const batch = await endOfBatch(client, made.id);
  assert.deepEqual([batch.status, batch.in_progress_at], ['cancelled', null]);
  assert.deepEqual([batch.output_file_id, batch.error_file_id], [null, null]);
});

test('a batch that waits for another of its key is cancelled at once', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 2 } });
  const client = pool.client();
  const first = await makeBatch(client, held(5));
  const second = await makeBatch(client, held(3));
  await batchOnce(client, second.id, ({ status }) => status === 'in_progress');
  await client.batches.cancel(second.id);
  const { batch, not } = await wholeEnd(client, second);
  assert.deepEqual([batch.status, idsOf(not)], ['cancelled', names(0, 3)]);
  assert.equal((await client.batches.retrieve(first.id)).status, 'in_progress');
  finishAll(await addHeldNode(pool));
  assert.equal((await wholeEnd(client, first)).batch.request_counts?.completed, 5);
});

test('when its time is over, what is not answered expires, whether it runs, waits or was never asked', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 4, lifetimeMs: 1_500 } });
  const runtime = await addHeldNode(pool);
  const client = pool.client();
  const made = await makeBatch(client, held(8));
  finish(await runtime.runs.next());
  const { batch, done, not } = await wholeEnd(client, made);
  assert.equal(batch.status, 'expired');
  assert.ok(batch.expired_at && batch.expires_at && batch.expired_at >= batch.expires_at);
  assert.deepEqual([idsOf(done), idsOf(not)], [['line 0'], names(1, 8)]);
  assert.deepEqual(new Set(codesOf(not)), new Set(['batch_expired']));
});

test('a line that gives up by itself makes no batch expire', async (t) => {
  const pool = await startTestPool(t);
  const client = pool.client();
  const impatient = { model: 'test/held', messages: [{ role: 'user', content: 'x' }], routing: { max_wait_ms: 1 } };
  const { batch, not } = await wholeEnd(client, await makeBatch(client, [lineOf('a', impatient)]));
  assert.deepEqual([batch.status, codesOf(not)], ['completed', ['job_expired']]);
  assert.equal(not[0]?.response?.status_code, 408);
});

test('credits run out in the middle: what they pay for is answered, the rest is refused, and none is overspent', async (t) => {
  const pool = await startTestPool(t);
  await pool.addNode();
  const price = { per_million_input_tokens_micro: 0, per_million_output_tokens_micro: 1_000_000, fee_percent: 0 };
  const auth = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };
  const path = `/v1/admin/prices/${encodeURIComponent('llm/inference')}`;
  assert.equal((await pool.request(path, { method: 'PUT', headers: auth, body: JSON.stringify(price) })).status, 200);
  const order = { name: 'prepaid', credit_limit_micro: 0 };
  const { id, key } = (await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', order)).body;
  const client = pool.client({ apiKey: key });
  await askAsAdmin(pool, '/v1/admin/credits/grants', { key: id, amount_micro: 25, reference: 'once' });
  // Each holds ten and costs two: they wait for each other, as each gives back what it did not need.
  const lines = Array.from({ length: 10 }, (_, at) => chatLine(`line ${at}`, 'one two', { max_tokens: 10 }));
  const { batch, done, not } = await wholeEnd(client, await makeBatch(client, lines));
  assert.equal(batch.status, 'completed');
  assert.deepEqual([...idsOf(done), ...idsOf(not)].sort(), names(0, 10));
  // The ninth could cost ten, and nine are left.
  assert.deepEqual([done.length, codesOf(not)], [8, ['insufficient_credits', 'insufficient_credits']]);
  assert.ok(not.every(({ response }) => response?.status_code === 402));
  const { body } = await askAsAdmin<{ data: { balance_micro: number }[] }>(
    pool,
    `/v1/admin/credits/accounts?prefix=key:${id}`,
  );
  assert.equal(body.data[0]?.balance_micro, 25 - 2 * done.length);
  const broke = await wholeEnd(client, await makeBatch(client, [chatLine('dear', 'x', { max_tokens: 1_000 })]));
  assert.deepEqual([codesOf(broke.not), broke.not[0]?.response?.status_code], [['insufficient_credits'], 402]);
});

test('a batch counts as one request of its key, whose models it may ask for and no others', async (t) => {
  const pool = await startTestPool(t);
  await pool.addNode();
  const key = await makeKey(pool, { name: 'narrow', requests_per_minute: 1, models: ['test/echo'] });
  const client = pool.client({ apiKey: key });
  const lines = [chatLine('a'), chatLine('b', 'x', { model: 'test/noop' }), chatLine('c')];
  const { done, not } = await wholeEnd(client, await makeBatch(client, lines));
  assert.deepEqual([idsOf(done), idsOf(not)], [['a', 'c'], ['b']]);
  assert.deepEqual([codesOf(not), not[0]?.response?.status_code], [['insufficient_scope'], 403]);
  await assert.rejects(makeBatch(client, lines), { status: 429, code: 'rate_limit_exceeded' });
});

test('a key that is revoked ends its batches with its jobs, and no line of them is asked any more', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 3 } });
  const runtime = await addHeldNode(pool);
  const { id, key } = (await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'short' })).body;
  const client = pool.client({ apiKey: key });
  const fed = await makeBatch(client, held(2));
  await batchOnce(client, fed.id, ({ status }) => status === 'in_progress');
  await makeBatch(client, held(9));
  await runtime.runs.next();
  await runtime.runs.next();
  await until(async () => (await queueLength(pool)) === 3);
  const auth = { authorization: `Bearer ${pool.relay.adminToken}` };
  const revoked = await pool.request(`/v1/admin/keys/${id}`, { method: 'DELETE', headers: auth });
  assert.equal(((await revoked.json()) as ApiKey & { cancelled_jobs: number }).cancelled_jobs, 3);
  let data: OwnedBatchPage['data'] = [];
  await until(async () => {
    ({ data } = (await askAsAdmin<OwnedBatchPage>(pool, '/v1/admin/batches')).body);
    return data.every(({ completed_at, cancelled_at }) => (completed_at ?? cancelled_at) !== null);
  });
  assert.deepEqual(
    data.map(({ status, api_key_id, request_counts: { failed } }) => [status, api_key_id, failed]),
    [
      ['cancelled', id, 9],
      ['cancelled', id, 2],
    ],
  );
  const pages: (string | null)[] = [];
  for (let after = ''; pages.length < 3; after = `&after=${pages.at(-1)}`) {
    const { body } = await askAsAdmin<OwnedBatchPage>(pool, `/v1/admin/batches?limit=1${after}`);
    pages.push(body.data[0]?.id ?? 'none', body.next);
    if (body.next === null) break;
  }
  assert.deepEqual(pages, [data[0]?.id, data[0]?.id, data[1]?.id, null]);
  assert.equal(runtime.runs.all.length, 2);
});

test('lines of an input file that is deleted meanwhile say so; those before are answered', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 2 } });
  const client = pool.client();
  const made = await makeBatch(client, held(6));
  await until(async () => (await client.batches.retrieve(made.id)).status === 'in_progress');
  await until(async () => (await jobsOf(pool)).length === 2);
  await client.files.delete(made.input_file_id);
  finishAll(await addHeldNode(pool));
  const { batch, done, not } = await wholeEnd(client, made);
  assert.deepEqual([batch.status, idsOf(done), idsOf(not)], ['completed', names(0, 2), names(2, 6)]);
  assert.deepEqual(new Set(codesOf(not)), new Set(['file_not_found']));
});

async function jobsOf(pool: Pool): Promise<{ id: string; state: string }[]> {
  return ((await (await pool.request('/v1/jobs')).json()) as { data: { id: string; state: string }[] }).data;
}

test('a job of a line may be cancelled or deleted like any other, and the line says so', async (t) => {
  // One after the other.
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 1 } });
  const runtime = await addHeldNode(pool);
  const client = pool.client();
  const made = await makeBatch(client, held(3));
  const ids: string[] = [];
  const next = async (): Promise<ControlledRun> => {
    const run = await runtime.runs.next();
    ids.push((await jobsOf(pool)).find(({ state }) => state !== 'succeeded' && state !== 'cancelled')?.id ?? '');
    return run;
  };
  finish(await next());
  await next();
  assert.equal((await pool.request(`/v1/jobs/${ids[1]}/cancel`, { method: 'POST' })).status, 200);
  const last = await next();
  assert.equal((await pool.request(`/v1/jobs/${ids[0]}`, { method: 'DELETE' })).status, 200);
  finish(last);
  const { batch, done, not } = await wholeEnd(client, made);
  assert.deepEqual([batch.status, batch.request_counts], ['completed', { total: 3, completed: 1, failed: 2 }]);
  assert.deepEqual([idsOf(done), done[0]?.id], [['line 2'], `batch_req_${ids[2]}`]);
  assert.deepEqual([idsOf(not), codesOf(not)], [names(0, 2), ['result_not_found', 'cancelled']]);
});

test('a node that goes in the middle costs an attempt and no line', async (t) => {
  const pool = await startTestPool(t);
  const gone = heldRuntime();
  const { agent } = await pool.addNode({ name: 'gone', slots: 2, runtime: gone });
  const client = pool.client();
  const made = await makeBatch(client, held(6));
  const first = await gone.runs.next();
  const second = await gone.runs.next();
  first.output.text('half an answer', 1);
  second.fail(new Problem('handed_back', 'The owner needs it.'));
  await agent.close();
  finishAll(await addHeldNode(pool));
  const { batch, done } = await wholeEnd(client, made);
  assert.deepEqual([batch.status, idsOf(done)], ['completed', names(0, 6)]);
  for (const row of done) {
    assert.equal(bodyOf<OpenAI.ChatCompletion>(row).choices[0]?.message.content, 'said');
  }
});

test('a batch fills neither the queue nor the turns of others, and lets other jobs of its key go first', async (t) => {
  const pool = await startTestPool(t, {
    batchLimits: { mostInQueue: 8, mostInQueuePerKey: 6 },
    queueLimits: { mostJobs: 10, mostJobsPerKey: 8 },
  });
  const runtime = await addHeldNode(pool, 1);
  const key = await makeKey(pool, { name: 'another' });
  const [client, other] = [pool.client(), pool.client({ apiKey: key })];
  const large = await makeBatch(client, held(40));
  const running = await runtime.runs.next();
  await until(async () => (await queueLength(pool)) === 6);
  const own = await submit(pool, { model: 'test/held', input: 'own' });
  const small = await makeBatch(other, [chatLine('theirs', 'theirs', { model: 'test/held' })]);
  await until(async () => (await queueLength(pool)) === 8);
  finish(running);
  const asked: string[] = [];
  const step = async (): Promise<void> => {
    const run = await runtime.runs.next();
    asked.push((run.job.input as { messages: { content: string }[] }).messages[0]?.content ?? '');
    assert.ok((await queueLength(pool)) <= 8);
    finish(run);
  };
  for (let at = 0; at < 40; at++) await step();
  assert.ok(asked.slice(0, 2).includes('theirs'), asked.join());
  assert.ok(asked.slice(0, 2).includes('own'), asked.join());
  assert.equal((await wholeEnd(other, small)).batch.request_counts?.completed, 1);
  await step();
  const { batch, done } = await wholeEnd(client, large);
  assert.deepEqual([batch.status, idsOf(done)], ['completed', names(0, 40)]);
  assert.equal(((await (await pool.request(`/v1/jobs/${own.id}`)).json()) as { state: string }).state, 'succeeded');
});

async function queueLength(pool: Pool): Promise<number> {
  const { body } = await askAsAdmin<{ data: { state: string }[] }>(
    pool,
    '/v1/admin/jobs?state=queued,assigned,running',
  );
  return body.data.length;
}

test('a batch whose model has no node now holds up no other batch of its key', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 4 } });
  const client = pool.client();
  // Nobody knows yet what nodes will serve.
  const waits = await makeBatch(
    client,
    names(0, 9).map((id) => chatLine(id, 'x', { model: 'test/asleep' })),
  );
  await until(async () => (await client.batches.retrieve(waits.id)).status === 'in_progress');
  await pool.addNode();
  const [first, second] = [await makeBatch(client, [chatLine('a')]), await makeBatch(client, [chatLine('b')])];
  assert.equal((await wholeEnd(client, first)).batch.status, 'completed');
  assert.equal((await wholeEnd(client, second)).batch.status, 'completed');
  assert.equal((await client.batches.retrieve(waits.id)).status, 'in_progress');
});

test('a full queue keeps lines waiting and refuses none', async (t) => {
  const pool = await startTestPool(t, { queueLimits: { mostJobs: 2 } });
  const own = [await submit(pool, { model: 'test/held' }), await submit(pool, { model: 'test/held' })];
  const client = pool.client();
  const made = await makeBatch(client, [chatLine('a'), chatLine('b'), chatLine('c')]);
  await batchOnce(client, made.id, ({ status }) => status === 'in_progress');
  await pool.addNode();
  for (const { id } of own) await pool.request(`/v1/jobs/${id}/cancel`, { method: 'POST' });
  const { batch, done } = await wholeEnd(client, made);
  assert.deepEqual([batch.status, idsOf(done)], ['completed', ['a', 'b', 'c']]);
});

test('answers that have no room wait for it, and the batch says so; it is over then and is not cancelled', async (t) => {
  const pool = await startTestPool(t, {
    batchLimits: { restMs: 50 },
    fileLimits: { mostFilesPerKey: 2, leastFreeBytes: 0 },
  });
  await pool.addNode();
  const client = pool.client();
  const input = await makeBatch(client, [chatLine('a')]);
  await endOfBatch(client, input.id);
  const { id } = await client.batches.create({
    ...{ input_file_id: input.input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' },
  });
  const stuck = await batchOnce(client, id, ({ status, errors }) => status === 'finalizing' && errors != null);
  assert.deepEqual(
    stuck.errors?.data?.map(({ code }) => code),
    ['file_quota_exceeded'],
  );
  assert.equal((await client.batches.cancel(id)).status, 'finalizing');
  await client.files.delete((await client.batches.retrieve(input.id)).output_file_id ?? '');
  const { batch, done } = await wholeEnd(client, stuck);
  assert.deepEqual([batch.status, batch.errors, idsOf(done)], ['completed', null, ['a']]);
});

test('a key has so many batches under way and no more', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostLivePerKey: 2 } });
  const client = pool.client();
  const [first] = [await makeBatch(client, held(1)), await makeBatch(client, held(1))];
  await assert.rejects(makeBatch(client, held(1)), { status: 429, code: 'queue_full' });
  const other = pool.client({ apiKey: await makeKey(pool, { name: 'another' }) });
  assert.equal((await makeBatch(other, held(1))).status, 'validating');
  await client.batches.cancel(first.id);
  await endOfBatch(client, first.id);
  assert.equal((await makeBatch(client, held(1))).status, 'validating');
});

test('the end of a batch is told to its webhook, signed, without its answers', async (t) => {
  const told = createInbox<{ headers: IncomingHttpHeaders; body: string }>();
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    response.writeHead(204).end();
    told.push({ headers: request.headers, body });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterTest(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const pool = await startTestPool(t, { webhooksToThisMachine: true });
  await pool.addNode();
  const client = pool.client();
  const webhook = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, secret: 'sixteen letters!' };
  const made = await makeBatch(client, [chatLine('a', 'marmalade')], { webhook });
  const { headers, body } = await told.next();
  const batch = await client.batches.retrieve(made.id);
  const { time, ...event } = JSON.parse(body) as { time: string };
  assert.equal(Math.floor(Date.parse(time) / 1_000), batch.completed_at);
  assert.deepEqual(event, {
    specversion: '1.0',
    id: `${made.id}.end`,
    source: `/v1/batches/${made.id}`,
    type: 'sparewatt.batch.completed',
    datacontenttype: 'application/json',
    data: {
      batch: made.id,
      endpoint: '/v1/chat/completions',
      state: 'completed',
      request_counts: { total: 1, completed: 1, failed: 0 },
      output_file_id: batch.output_file_id,
      error_file_id: null,
    },
  });
  const signed = `${made.id}.end.${headers['webhook-timestamp']}.${body}`;
  const hmac = createHmac('sha256', webhook.secret).update(signed).digest('base64');
  assert.equal(headers['webhook-signature'], `v1,${hmac}`);
  await makeBatch(client, ['{'], { webhook });
  assert.equal((JSON.parse((await told.next()).body) as { type: string }).type, 'sparewatt.batch.failed');
});

test('a batch that has ended is forgotten when no file can be left of it, and one that lives never', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  await first.addNode();
  const ended = await makeBatch(first.client(), [chatLine('a')]);
  const live = await makeBatch(first.client(), [chatLine('a', 'x', { model: 'test/stuck' })]);
  await endOfBatch(first.client(), ended.id);
  await first.close();
  const second = await startTestPool(t, { dataFolder, fileLimits: { longestLifetimeMs: 1 } });
  await until(async () => (await second.client().batches.list()).data.length === 1);
  await assert.rejects(second.client().batches.retrieve(ended.id), { status: 404, code: 'batch_not_found' });
  assert.equal((await second.client().batches.retrieve(live.id)).status, 'in_progress');
});

test('a relay that died between the word of a cancellation and its deed ends the jobs of the batch', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  const { id } = await makeBatch(first.client(), held(3));
  await until(async () => (await queueLength(first)) === 3);
  await first.close();
  const store = await openStore({ file: join(dataFolder, 'sparewatt.sqlite') });
  const batch = (await store.batches.findBatch(id)) ?? assert.fail();
  await store.batches.putBatch({ ...batch, state: 'cancelling', cancellingAt: Date.now() });
  await store.close();
  const second = await startTestPool(t, { dataFolder });
  const { status, error_file_id: file } = await endOfBatch(second.client(), id);
  assert.deepEqual([status, await queueLength(second)], ['cancelled', 0]);
  assert.deepEqual(idsOf(await rowsIn(second.client(), file)), names(0, 3));
});

test('a relay that stopped between the two files of a batch writes the second, and the first not again', async (t) => {
  const dataFolder = temporaryFolder(t);
  const fileLimits = { mostFilesPerKey: 2, leastFreeBytes: 0 };
  const first = await startPool({ dataFolder, fileLimits });
  await first.addNode();
  const made = await makeBatch(first.client(), [chatLine('a'), chatLine('b', 'x', { model: 'test/none' })]);
  await batchOnce(first.client(), made.id, ({ status, errors }) => status === 'finalizing' && errors != null);
  const [before] = (await first.client().files.list({ purpose: 'batch_output' as never })).data;
  await first.close();
  const second = await startTestPool(t, { dataFolder });
  const { batch, done, not } = await wholeEnd(second.client(), made);
  assert.equal(batch.status, 'completed');
  assert.deepEqual(await second.client().files.retrieve(batch.output_file_id ?? ''), before);
  assert.deepEqual([idsOf(done), idsOf(not)], [['a'], ['b']]);
});

test('a relay that died while it wrote down where lines stand begins anew with them', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  await first.addNode();
  const { id } = await makeBatch(first.client(), [chatLine('a'), chatLine('b')]);
  await endOfBatch(first.client(), id);
  await first.close();
  const store = await openStore({ file: join(dataFolder, 'sparewatt.sqlite') });
  const batch = (await store.batches.findBatch(id)) ?? assert.fail();
  const unchecked = {
    inProgressAt: null,
    finalizingAt: null,
    endedAt: null,
    outputFileId: null,
    total: 0,
    completed: 0,
  };
  await store.batches.putBatch({ ...batch, ...unchecked, state: 'validating' });
  await store.batches.addLines(id, [{ number: 1, customId: 'a', atByte: 0, sizeBytes: 1 }]);
  await store.close();
  const second = await startTestPool(t, { dataFolder });
  await second.addNode();
  const again = await endOfBatch(second.client(), id);
  assert.deepEqual([again.status, again.request_counts], ['completed', { total: 2, completed: 2, failed: 0 }]);
  assert.deepEqual(idsOf((await rowsOf(second.client(), again)).done), ['a', 'b']);
  assert.equal((await jobsOf(second)).length, 2);
});
