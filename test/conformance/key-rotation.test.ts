import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import { openSqliteStore } from '../../relay/store/sqlite/open-sqlite-store.ts';
import type { CreditStanding } from '../../shared/api/credits.ts';
import type { FilePage } from '../../shared/api/files.ts';
import type { Job, JobPage } from '../../shared/api/jobs.ts';
import type { CreatedKey, RevokedKey } from '../../shared/api/keys.ts';
import { afterTest } from '../support/after-test.ts';
import { changeKey } from '../support/keys.ts';
import { addControlled } from '../support/nodes/cancellable-node.ts';
import { startPool, startTestPool } from '../support/pool.ts';
import { ask, askAsAdmin } from '../support/pool-admin.ts';
import { endOf, jobClient, jobOf, postJob, resultOf, submit } from '../support/queued-jobs.ts';

const pool = await startPool();
after(() => pool.close());
await pool.addNode();

const NOOP = { model: 'test/noop', messages: [{ role: 'user' as const, content: 'x' }] };

async function create(order: object, at = pool): Promise<CreatedKey> {
  const { status, body } = await askAsAdmin<CreatedKey>(at, '/v1/admin/keys', { name: 'a test', ...order });
  assert.equal(status, 201);
  return body;
}

async function rotate({ id }: CreatedKey, order: object = {}, at = pool): Promise<CreatedKey> {
  const { status, body } = await askAsAdmin<CreatedKey>(at, `/v1/admin/keys/${id}/rotate`, order);
  assert.equal(status, 201);
  return body;
}

async function revoke({ id }: CreatedKey, at = pool): Promise<RevokedKey> {
  const headers = { authorization: `Bearer ${at.relay.adminToken}` };
  const response = await fetch(`${at.relay.url}/v1/admin/keys/${id}`, { method: 'DELETE', headers });
  assert.equal(response.status, 200);
  return (await response.json()) as RevokedKey;
}

test('what a key has stays with the one that replaces it: jobs, results, marks, files, usage', async () => {
  const old = await create({});
  const before = jobClient(pool, old.key);
  const { id } = await submit(before, { input: 'of the old key' });
  assert.equal((await endOf(before, id)).state, 'succeeded');
  const order = { service: 'llm/inference', model: 'test/echo', input: 'once' };
  const mark = { 'idempotency-key': 'order-7' };
  const marked = (await (await postJob(before, order, mark)).json()) as Job;
  const headers = { 'content-type': 'text/plain' };
  assert.equal((await before.request('/v1/files', { method: 'POST', headers, body: 'kept' })).status, 200);

  const made = await rotate(await rotate(old), { overlap_s: 0 });
  assert.deepEqual([made.account_id, made.id === old.id], [old.id, false]);
  const now = jobClient(pool, made.key);
  assert.match(await (await resultOf(now, id)).text(), /of the old key/);
  const again = await postJob(now, order, mark);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.equal(((await again.json()) as Job).id, marked.id);
  const { data: jobs } = (await (await now.request('/v1/jobs')).json()) as JobPage;
  assert.deepEqual(
    jobs.map(({ apiKeyId }) => apiKeyId),
    [old.id, old.id],
  );
  assert.equal(((await (await now.request('/v1/files')).json()) as FilePage).data.length, 1);
  const usage = await ask<{ data: { jobs: number }[] }>(pool, '/v1/usage', undefined, made.key);
  assert.ok((usage.body.data[0]?.jobs ?? 0) >= 1);
  // Its operator finds the same under either id.
  for (const { id } of [old, made]) {
    const shown = await askAsAdmin(pool, `/v1/admin/usage?key=${id}`);
    assert.deepEqual(shown.body, usage.body, id);
  }
});

test('a key that is replaced a second time, as when the first answer was lost, gets one that lives as long', async () => {
  const expires_at = Date.now() + 86_400_000;
  for (const order of [{}, { expires_at }]) {
    const old = await create(order);
    const first = await rotate(old, { overlap_s: 60 });
    const second = await rotate(old, { overlap_s: 60 });
    const expected = order.expires_at ?? null;
    assert.deepEqual([first.expires_at, second.expires_at], [expected, expected]);
    assert.equal(second.account_id, old.id);
  }
});

test('a key that was replaced at once works again when its operator gives it a later end', async () => {
  const old = await create({});
  await rotate(old, { overlap_s: 0 });
  const chat = () => pool.client({ apiKey: old.key }).chat.completions.create(NOOP);
  await assert.rejects(chat(), OpenAI.AuthenticationError);
  await changeKey(pool, old.id, { expires_at: Date.now() + 86_400_000 });
  await chat();
});

test('two keys of one account have one allowance and one balance between them', async () => {
  const old = await create({ requests_per_minute: 2, credit_limit_micro: 0 });
  const grant = { key: old.id, amount_micro: 500_000, reference: 'first' };
  await askAsAdmin(pool, '/v1/admin/credits/grants', grant);
  const made = await rotate(old);
  // Whoever has the list of keys before them gives to the one that works.
  await askAsAdmin(pool, '/v1/admin/credits/grants', { ...grant, key: made.id, reference: 'second' });
  for (const { key } of [old, made]) {
    const { body } = await ask<CreditStanding>(pool, '/v1/credits', undefined, key);
    assert.deepEqual([body.account, body.balance_micro], [`key:${old.id}`, 1_000_000]);
  }
  const chat = ({ key }: CreatedKey) => pool.client({ apiKey: key, maxRetries: 0 }).chat.completions.create(NOOP);
  await chat(old);
  await chat(made);
  for (const key of [old, made]) await assert.rejects(chat(key), OpenAI.RateLimitError);
});

test('a weight in the queue is that of the account, and a key that does not exist has none', async () => {
  const made = await rotate(await create({}));
  const path = '/v1/admin/queue/weights';
  const { body } = await askAsAdmin<{ keys: { key: string; weight: number }[] }>(pool, path, {
    key: made.id,
    weight: 3,
  });
  assert.equal(body.keys.find(({ key }) => key === made.account_id)?.weight, 3);
  const refused = await askAsAdmin<{ code: string }>(pool, path, { key: 'key_typo', weight: 3 });
  assert.deepEqual([refused.status, refused.body.code], [404, 'key_not_found']);
});

test('jobs of a key end when it is revoked, but not while another key of its account works', async (t) => {
  const own = await startTestPool(t);
  const { runs } = await addControlled(own);
  const old = await create({}, own);
  const client = jobClient(own, old.key);
  const running = await submit(client, { model: 'test/held' });
  await runs.next();
  const waiting = await submit(client, { model: 'test/held' });
  const other = await submit(own, { model: 'test/held' });
  const made = await rotate(old, {}, own);
  assert.equal((await revoke(old, own)).cancelled_jobs, 0);
  assert.equal((await jobOf(jobClient(own, made.key), waiting.id)).state, 'queued');
  assert.equal((await revoke(made, own)).cancelled_jobs, 2);
  const admin = jobClient(own, own.relay.adminToken);
  for (const { id } of [running, waiting]) {
    const { state, problem } = await jobOf(admin, id);
    assert.deepEqual([state, problem?.detail], ['cancelled', 'The key of the job was revoked.']);
  }
  assert.notEqual((await jobOf(admin, other.id)).state, 'cancelled');
});

test('a relay that was killed while it revoked a key ends its jobs at the next start', async (t) => {
  const first = await startPool();
  afterTest(t, first.close);
  const key = await create({}, first);
  const left = await submit(jobClient(first, key.key), { model: 'test/echo' });
  const kept = await submit(first, { model: 'test/echo' });
  await first.relay.close();
  const store = await openSqliteStore({ file: join(first.dataFolder, 'sparewatt.sqlite') });
  await store.keys.revokeKey(key.id, Date.now());
  await store.close();
  const second = await startPool({ dataFolder: first.dataFolder });
  afterTest(t, second.close);
  const admin = jobClient(second, second.relay.adminToken);
  assert.equal((await endOf(admin, left.id)).state, 'cancelled');
  assert.equal((await jobOf(admin, kept.id)).state, 'queued');
});
