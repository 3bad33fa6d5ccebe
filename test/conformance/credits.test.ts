import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { AccountList, CreditEntry, CreditStanding, EntryList, SettlementList } from '../../shared/api/credits.ts';
import type { CreatedKey } from '../../shared/api/keys.ts';
import type { Settlement } from '../../shared/credits/settlement.ts';
import type { ErrorBody } from '../../shared/problems/http.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { ask, askAsAdmin } from '../support/pool-admin.ts';
import { endOf, jobClient, postJob, submit } from '../support/queued-jobs.ts';
import { until } from '../support/until.ts';

const LLM_PRICE = {
  per_million_input_tokens_micro: 1_000_000,
  per_million_output_tokens_micro: 2_000_000,
  fee_percent: 25,
};
const SERVICE = 'llm%2Finference';

let pool: Pool;
let nodeId: string;
before(async () => {
  pool = await startPool({ webhooksToThisMachine: true });
  ({ nodeId } = await pool.addNode());
});
after(() => pool.close());

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };
  return pool.request(
    path,
    body === undefined
      ? { method, headers: { authorization: headers.authorization } }
      : { method, headers, body: JSON.stringify(body) },
  );
}

async function prepaidKey(amount: number): Promise<CreatedKey> {
  const { body } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'prepaid', credit_limit_micro: 0 });
  if (amount > 0) {
    const grant = { key: body.id, amount_micro: amount, reference: `for-${body.id}` };
    assert.equal((await askAsAdmin(pool, '/v1/admin/credits/grants', grant)).status, 201);
  }
  return body;
}

const chat = (max_tokens: number) => ({
  model: 'test/echo',
  max_tokens,
  messages: [{ role: 'user', content: 'one two three' }],
});

async function balanceOf(account: string): Promise<number | undefined> {
  const { body } = await askAsAdmin<AccountList>(pool, `/v1/admin/credits/accounts?prefix=${account}`);
  return body.data.find((one) => one.account === account)?.balance_micro;
}

test('a price, a grant, a chat: the key pays, the node and the relay earn, and each entry names its receipt', async () => {
  assert.equal((await send('PUT', `/v1/admin/prices/${SERVICE}`, LLM_PRICE)).status, 200);
  const key = await prepaidKey(1_000_000);
  const answer = await ask<{ usage: { prompt_tokens: number; completion_tokens: number } }>(
    pool,
    '/v1/chat/completions',
    chat(50),
    key.key,
  );
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const job = answer.headers.get('x-sparewatt-job') ?? '';
  const { prompt_tokens, completion_tokens } = answer.body.usage;
  const cost = prompt_tokens + 2 * completion_tokens;
  const fee = Math.floor(cost / 4);
  await until(async () => (await balanceOf(`key:${key.id}`)) === 1_000_000 - cost);
  assert.deepEqual([await balanceOf(`node:${nodeId}`), await balanceOf('relay')], [cost - fee, fee]);
  const receipt = (await ask<Receipt>(pool, `/v1/jobs/${job}/receipt`, undefined, key.key)).body;
  const { data } = (await askAsAdmin<EntryList>(pool, `/v1/admin/credits/entries?limit=10&account=key:${key.id}`)).body;
  assert.deepEqual(
    data.map(({ kind, amount_micro, reference }) => [kind, amount_micro, reference]),
    [
      ['fee', fee, receipt.id],
      ['charge', cost - fee, receipt.id],
      ['grant', 1_000_000, `for-${key.id}`],
    ],
  );
  const standing = (await ask<CreditStanding>(pool, '/v1/credits', undefined, key.key)).body;
  assert.deepEqual([standing.left_micro, standing.held_micro], [1_000_000 - cost, 0]);
});

test('a key that has not enough left is refused before any node hears of it, and its queue is too', async () => {
  const key = await prepaidKey(700);
  const poor = await ask<ErrorBody>(pool, '/v1/chat/completions', chat(500), key.key);
  assert.deepEqual([poor.status, poor.body.code], [402, 'insufficient_credits']);
  const rich = await ask<unknown>(pool, '/v1/chat/completions', chat(5), key.key);
  assert.equal(rich.status, 200);
  const client = jobClient(pool, key.key);
  const refused = await postJob(client, { service: 'llm/inference', model: 'test/echo', input: chat(500) });
  assert.equal(refused.status, 402);
  const before = (await ask<CreditStanding>(pool, '/v1/credits', undefined, key.key)).body;
  const { id } = await submit(client, { input: chat(5) });
  assert.equal((await endOf(client, id)).state, 'succeeded');
  const standing = (await ask<CreditStanding>(pool, '/v1/credits', undefined, key.key)).body;
  assert.equal(standing.held_micro, 0);
  assert.ok(standing.balance_micro < before.balance_micro, 'the job of the queue was charged');
});

test('nothing stays held for a job that is refused', async () => {
  const key = await prepaidKey(2_000);
  const wrong = { service: 'llm/inference', model: 'test/unheard-of', input: chat(10) };
  assert.equal((await postJob(jobClient(pool, key.key), wrong)).status, 404);
  assert.equal((await ask<CreditStanding>(pool, '/v1/credits', undefined, key.key)).body.held_micro, 0);
});

test('what is held for a job of the queue is held by the next relay too', async (t) => {
  const one = await startPool();
  const stop = async (): Promise<void> => one.close();
  t.after(stop);
  const headers = { authorization: `Bearer ${one.relay.adminToken}`, 'content-type': 'application/json' };
  const price = { method: 'PUT', headers, body: JSON.stringify({ per_job_micro: 40 }) };
  assert.equal((await one.request('/v1/admin/prices/*', price)).status, 200);
  const { body: key } = await askAsAdmin<CreatedKey>(one, '/v1/admin/keys', { name: 'owes', credit_limit_micro: 100 });
  await submit(jobClient(one, key.key), { model: 'test/later' });
  const held = async (of: Pool): Promise<number> =>
    (await ask<CreditStanding>(of, '/v1/credits', undefined, key.key)).body.held_micro;
  assert.equal(await held(one), 40);
  await one.relay.close();
  const next = await startPool({ dataFolder: one.dataFolder });
  t.after(() => next.close());
  assert.equal(await held(next), 40);
  const client = jobClient(next, key.key);
  await submit(client, { model: 'test/later' });
  assert.equal((await postJob(client, { service: 'llm/inference', model: 'test/later', input: 'x' })).status, 402);
});

test('prices are set for what is there, and taken away', async () => {
  assert.equal((await send('PUT', '/v1/admin/prices/no%2Fservice', {})).status, 404);
  assert.equal((await send('PUT', `/v1/admin/prices/${SERVICE}`, { per_job_micro: -1 })).status, 400);
  assert.equal((await send('PUT', '/v1/admin/prices/*', { per_job_micro: 7 })).status, 200);
  const { body } = await askAsAdmin<{ data: { service: string }[] }>(pool, '/v1/admin/prices');
  assert.deepEqual(
    body.data.map(({ service }) => service),
    ['*', 'llm/inference'],
  );
  assert.equal((await send('DELETE', '/v1/admin/prices/*')).status, 200);
  assert.equal((await send('DELETE', '/v1/admin/prices/*')).status, 404);
});

test('a grant is made once by its mark, and another amount with the same mark is refused', async () => {
  const key = await prepaidKey(0);
  const grant = { key: key.id, amount_micro: 5, reference: `once-${key.id}` };
  const first = await askAsAdmin<CreditEntry>(pool, '/v1/admin/credits/grants', grant);
  const again = await askAsAdmin<CreditEntry>(pool, '/v1/admin/credits/grants', grant);
  assert.deepEqual([first.status, again.status, again.body.seq], [201, 200, first.body.seq]);
  const other = await askAsAdmin<ErrorBody>(pool, '/v1/admin/credits/grants', { ...grant, amount_micro: 6 });
  assert.deepEqual([other.status, other.body.code], [409, 'grant_conflict']);
  const nobody = await askAsAdmin<ErrorBody>(pool, '/v1/admin/credits/grants', { ...grant, key: 'key_nobody' });
  assert.equal(nobody.body.code, 'key_not_found');
});

test('a settlement pays the nodes what they have earned, once', async () => {
  const earned = await balanceOf(`node:${nodeId}`);
  assert.ok(earned);
  const mark = { authorization: `Bearer ${pool.relay.adminToken}`, 'idempotency-key': 'of-march' };
  const headers = { ...mark, 'content-type': 'application/json' };
  const settle = () => pool.request('/v1/admin/settlements', { method: 'POST', headers, body: '{}' });
  const first = await settle();
  const made = { status: first.status, body: (await first.json()) as Settlement };
  assert.equal(made.status, 201);
  // [X14] One whose answer was lost is told again, and settles nothing more.
  const again = await settle();
  assert.deepEqual(
    [again.status, again.headers.get('idempotency-replayed'), await again.json()],
    [201, 'true', made.body],
  );
  assert.deepEqual(made.body.lines, [{ account: `node:${nodeId}`, amountMicro: earned }]);
  assert.equal(await balanceOf(`node:${nodeId}`), 0);
  const kept = await askAsAdmin<Settlement>(pool, `/v1/admin/settlements/${made.body.id}`);
  assert.deepEqual(kept.body, made.body);
  const nothing = await askAsAdmin<ErrorBody>(pool, '/v1/admin/settlements', {});
  assert.deepEqual([nothing.status, nothing.body.code], [409, 'nothing_to_settle']);
  assert.equal((await askAsAdmin(pool, '/v1/admin/settlements/stl_none')).status, 404);
});

test('settlements are listed newest first, page by page', async () => {
  assert.equal((await ask(pool, '/v1/chat/completions', chat(3), (await prepaidKey(1_000)).key)).status, 200);
  await until(async () => (await balanceOf(`node:${nodeId}`)) !== 0);
  const newest = (await askAsAdmin<Settlement>(pool, '/v1/admin/settlements', {})).body;
  const page = (query: string) => askAsAdmin<SettlementList>(pool, `/v1/admin/settlements?limit=1${query}`);
  const first = await page('');
  assert.deepEqual(first.body, { data: [newest], next: newest.id });
  const second = await page(`&after=${newest.id}`);
  assert.deepEqual([second.body.data.length, second.body.next], [1, null]);
  assert.notEqual(second.body.data[0]?.id, newest.id);
});

test('a client sees its own credits alone', async () => {
  for (const path of [
    '/v1/admin/prices',
    '/v1/admin/credits/accounts',
    '/v1/admin/credits/entries',
    '/v1/admin/settlements',
  ]) {
    assert.equal((await ask(pool, path)).status, 403, path);
  }
});
