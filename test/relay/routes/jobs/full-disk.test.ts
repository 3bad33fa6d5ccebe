import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AccountList } from '../../../../shared/api/credits.ts';
import type { Job } from '../../../../shared/api/jobs.ts';
import type { CreatedKey } from '../../../../shared/api/keys.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { fillDatabase } from '../../../support/full-database.ts';
import { type Pool, startTestPool } from '../../../support/pool.ts';
import { ask, askAsAdmin } from '../../../support/pool-admin.ts';
import { jobClient, postJob } from '../../../support/queued-jobs.ts';
import { until } from '../../../support/until.ts';

const MOST_BYTES = 4 * 1024 * 1024;
const AT_ONCE = 8;
const GRANTED_MICRO = 1_000_000_000;
const MESSAGES = [{ role: 'user', content: 'hello' }];
const PRICE = { per_million_input_tokens_micro: 1_000_000, per_million_output_tokens_micro: 2_000_000, fee_percent: 0 };

test('answers of a full disk are recorded and charged once there is room, and nothing is begun meanwhile', async (t) => {
  const pool = await startTestPool(t, { maxDatabaseBytes: MOST_BYTES });
  await pool.addNode();
  const key = await pricedKey(pool);
  const makeRoom = fillDatabase(join(pool.dataFolder, 'sparewatt.sqlite'), MOST_BYTES);
  const answered = await askUntilRefused(pool, key.key);
  await isAllRefused(pool, key.key);
  // Of those that were answered together some may just have found room.
  const latest = answered.slice(-2 * AT_ONCE).map(({ id }) => ask<Job>(pool, `/v1/jobs/${id}`, undefined, key.key));
  const kept = (await Promise.all(latest)).map(({ body }) => body).find(({ receipt }) => receipt === null);
  assert.deepEqual([kept?.state, kept?.attempts.length], ['succeeded', 1]);
  assert.equal((await ask(pool, `/v1/jobs/${kept?.id}/receipt`, undefined, key.key)).status, 404);
  makeRoom();
  await until(async () => {
    const answer = await chat(pool, key.key);
    if (answer.status === 200) answered.push(answer);
    return answer.status === 200;
  });
  let spentMicro = 0;
  for (const { id } of answered) {
    await until(async () => (await ask<Job>(pool, `/v1/jobs/${id}`, undefined, key.key)).body.receipt?.job === id);
    const { usage } = (await ask<Job>(pool, `/v1/jobs/${id}`, undefined, key.key)).body;
    spentMicro += (usage?.inputTokens ?? 0) + 2 * (usage?.outputTokens ?? 0);
  }
  const path = `/v1/admin/credits/accounts?prefix=key:${key.id}`;
  const { data } = (await askAsAdmin<AccountList>(pool, path)).body;
  assert.equal(data[0]?.balance_micro, GRANTED_MICRO - spentMicro);
  assert.ok(spentMicro > 0);
});

/** Asks until the relay lets no more in; what it has answered. */
async function askUntilRefused(pool: Pool, key: string): Promise<Answer[]> {
  const answered: Answer[] = [];
  for (let round = 0; round < 500; round += 1) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => chat(pool, key)));
    answered.push(...answers.filter(({ status }) => status === 200));
    const refused = answers.filter(({ status }) => status !== 200);
    for (const answer of refused) assertRefused(answer);
    if (refused.length > 0) return answered;
  }
  throw new Error('the relay never refused anything');
}

/** Whatever is paid for, and the queue as well. */
async function isAllRefused(pool: Pool, key: string): Promise<void> {
  assertRefused(await chat(pool, key));
  assertRefused(await send(pool, '/v1/embeddings', { model: 'test/vectors', input: 'x' }, key));
  assertRefused(await send(pool, '/v1/services/llm/inference', { prompt: 'x', model: 'test/echo' }, key));
  const order = { service: 'llm/inference', model: 'test/echo', input: 'x'.repeat(100_000) };
  const job = await postJob(jobClient(pool, key), order);
  assert.deepEqual([job.status, job.headers.get('retry-after')], [507, '1']);
}

function assertRefused({ status, code, retryAfter }: Answer): void {
  assert.deepEqual([status, code, retryAfter], [507, 'storage_failed', '1']);
}

async function pricedKey(pool: Pool): Promise<CreatedKey> {
  const headers = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };
  const price = { method: 'PUT', headers, body: JSON.stringify(PRICE) };
  assert.equal((await pool.request('/v1/admin/prices/llm%2Finference', price)).status, 200);
  const { body: key } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'paid', credit_limit_micro: 0 });
  const grant = { key: key.id, amount_micro: GRANTED_MICRO, reference: 'for-the-test' };
  assert.equal((await askAsAdmin(pool, '/v1/admin/credits/grants', grant)).status, 201);
  return key;
}

type Answer = { status: number; id: string; code: string | undefined; retryAfter: string | null };

function chat(pool: Pool, key: string): Promise<Answer> {
  return send(pool, '/v1/chat/completions', { model: 'test/echo', max_tokens: 50, messages: MESSAGES }, key);
}

async function send(pool: Pool, path: string, body: unknown, key: string): Promise<Answer> {
  const answer = await ask<Partial<ErrorBody>>(pool, path, body, key);
  const { headers } = answer;
  const { code } = answer.body;
  return {
    status: answer.status,
    id: headers.get('x-sparewatt-job') ?? '',
    code,
    retryAfter: headers.get('retry-after'),
  };
}
