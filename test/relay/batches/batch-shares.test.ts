/** What batches take of the queue, of credits, of room and of what a key may have: they wait, and others go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreatedKey } from '../../../shared/api/keys.ts';
import { batchOnce, chatLine, endOfBatch, idsOf, makeBatch } from '../../support/batches.ts';
import { addHeldNode, codesOf, finish, held, names, queueLength, wholeEnd } from '../../support/held-batches.ts';
import { startTestPool } from '../../support/pool.ts';
import { askAsAdmin, makeKey } from '../../support/pool-admin.ts';
import { submit } from '../../support/queued-jobs.ts';
import { until } from '../../support/until.ts';

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
