import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CreditStanding, EntryList } from '../../shared/api/credits.ts';
import type { JobPage } from '../../shared/api/jobs.ts';
import { type ApiKey, type ApiKeyList, type CreatedKey, KEY_SCOPES } from '../../shared/api/keys.ts';
import type { LiveMessage } from '../../shared/api/live.ts';
import type { ErrorBody } from '../../shared/problems/http.ts';
import { changeKey, makeKey, patchKey } from '../support/keys.ts';
import { openLive } from '../support/operator.ts';
import { type Pool, type PoolNode, startPool, startTestPool } from '../support/pool.ts';
import { ask, askAsAdmin } from '../support/pool-admin.ts';
import { endOf, jobClient, jobOf, postJob, submit } from '../support/queued-jobs.ts';
import { until } from '../support/until.ts';

const PRICE = {
  per_million_input_tokens_micro: 1_000_000,
  per_million_output_tokens_micro: 2_000_000,
  fee_percent: 25,
};
/** Long enough that no test sees its end. */
const YEARS = '9999mo';

let pool: Pool;
let node: PoolNode;
before(async () => {
  pool = await startPool();
  node = await pool.addNode();
  await setPrice(pool);
});
after(() => pool.close());

async function setPrice(on: Pool): Promise<void> {
  const headers = { authorization: `Bearer ${on.relay.adminToken}`, 'content-type': 'application/json' };
  const init = { method: 'PUT', headers, body: JSON.stringify(PRICE) };
  assert.equal((await on.request('/v1/admin/prices/llm%2Finference', init)).status, 200);
}

const order = (max_tokens: number) => ({
  model: 'test/echo',
  max_tokens,
  messages: [{ role: 'user', content: 'one two three' }],
});
const chat = (key: CreatedKey, maxTokens = 5, on = pool) =>
  ask<ErrorBody>(on, '/v1/chat/completions', order(maxTokens), key.key);
const shown = async ({ id }: CreatedKey, on = pool) => (await askAsAdmin<ApiKey>(on, `/v1/admin/keys/${id}`)).body;

/** What the ledger says that a key has spent. */
async function spentOf({ id }: CreatedKey, on = pool): Promise<number> {
  const path = `/v1/admin/credits/entries?limit=1000&account=key:${id}`;
  const { data } = (await askAsAdmin<EntryList>(on, path)).body;
  return data.reduce((sum, { from, amount_micro }) => sum + (from === `key:${id}` ? amount_micro : 0), 0);
}

test('a key spends its budget and no more, however it asks, and sees what is left as its operator does', async () => {
  const key = await makeKey(pool, { budget_micro: 1_000, budget_duration: YEARS });
  for (let i = 0; i < 3; i++) assert.equal((await chat(key)).status, 200);
  const spent = await until(async () => {
    const { standing } = await shown(key);
    return standing.budget_held_micro === 0 && standing.budget_spent_micro !== null;
  }).then(() => spentOf(key));
  assert.ok(spent > 0);
  const { standing } = await shown(key);
  assert.deepEqual([standing.budget_spent_micro, standing.budget_left_micro], [spent, 1_000 - spent]);
  const own = (await ask<CreditStanding>(pool, '/v1/credits', undefined, key.key)).body.budget;
  assert.deepEqual(
    [own?.spent_micro, own?.left_micro, own?.renews_at],
    [spent, 1_000 - spent, standing.budget_renews_at],
  );
  const refused = await chat(key, 5_000);
  assert.deepEqual([refused.status, refused.body.code], [402, 'budget_exceeded']);
  assert.ok(Number(refused.headers.get('retry-after')) > 0, 'it knows when the budget is renewed');
  assert.equal(refused.headers.get('x-should-retry'), 'false');
  const later = { service: 'llm/inference', model: 'test/echo', input: order(5_000) };
  assert.equal((await postJob(jobClient(pool, key.key), later)).status, 402);
  const { id } = await submit(jobClient(pool, key.key), { input: order(5) });
  assert.equal((await endOf(jobClient(pool, key.key), id)).state, 'succeeded');
  await until(async () => (await shown(key)).standing.budget_held_micro === 0);
  assert.equal((await shown(key)).standing.budget_spent_micro, await spentOf(key));
  assert.ok((await spentOf(key)) > spent);
});

test('many requests at once do not spend more than the budget between them', async () => {
  const key = await makeKey(pool, { budget_micro: 1_500 });
  const answers = await Promise.all(Array.from({ length: 20 }, () => chat(key, 50)));
  const statuses = new Set(answers.map(({ status }) => status));
  assert.deepEqual([...statuses].sort(), [200, 402]);
  await until(async () => (await shown(key)).standing.budget_held_micro === 0);
  const spent = await spentOf(key);
  assert.ok(spent > 0 && spent <= 1_500, `${spent}`);
  assert.equal((await shown(key)).standing.budget_spent_micro, spent);
});

test('a key whose budget is spent works again with a larger one, a shorter period, or none', async () => {
  const key = await makeKey(pool, { budget_micro: 0, budget_duration: '1d' });
  assert.equal((await chat(key)).status, 402);
  await changeKey(pool, key.id, { budget_micro: 1_000_000 });
  assert.equal((await chat(key)).status, 200);
  await until(async () => (await shown(key)).standing.budget_held_micro === 0);
  const spent = await spentOf(key);
  const lowered = await changeKey(pool, key.id, { budget_micro: spent, budget_duration: null });
  assert.deepEqual([lowered.standing.budget_left_micro, lowered.standing.budget_renews_at], [0, null]);
  assert.equal((await chat(key)).status, 402);
  const freed = await changeKey(pool, key.id, { budget_micro: null });
  assert.deepEqual([freed.budget_micro, freed.standing.budget_spent_micro], [null, null]);
  assert.equal((await chat(key)).status, 200);
});

test('a key whose limit of credits is lowered below what it owes has nothing left, and not less', async () => {
  const key = await makeKey(pool, { credit_limit_micro: 1_000_000 });
  assert.equal((await chat(key)).status, 200);
  const held = await submit(jobClient(pool, key.key), { model: 'test/stuck', input: order(50) });
  await until(async () => (await shown(key)).standing.credits_left_micro !== 1_000_000);
  const lowered = await changeKey(pool, key.id, { credit_limit_micro: 0 });
  const { body } = await ask<CreditStanding>(pool, '/v1/credits', undefined, key.key);
  assert.ok(body.balance_micro < 0 && body.held_micro > 0);
  assert.deepEqual([lowered.standing.credits_left_micro, body.left_micro], [0, 0]);
  await jobClient(pool, key.key).request(`/v1/jobs/${held.id}`, { method: 'DELETE' });
});

test('prompts of one request that cannot all be paid for are refused together, and none of them is begun', async () => {
  const prompts = { model: 'test/echo', prompt: ['one', 'two', 'three'], max_tokens: 50 };
  const send = (key: CreatedKey) => ask<ErrorBody>(pool, '/v1/completions', prompts, key.key);
  const jobs = async (key: CreatedKey) => (await ask<JobPage>(pool, '/v1/jobs', undefined, key.key)).body.data.length;
  const poor = await makeKey(pool, { budget_micro: 1_000 });
  const refused = await send(poor);
  assert.deepEqual([refused.status, refused.body.code, await jobs(poor)], [402, 'budget_exceeded', 0]);
  assert.match(refused.body.detail, /This may cost up to 0\.001\d+ credits/);
  const able = await makeKey(pool, { budget_micro: 10_000 });
  assert.deepEqual([(await send(able)).status, await jobs(able)], [200, 3]);
});

test('a task that its key cannot pay for is refused, as a job is, and leaves nothing', async () => {
  const key = await makeKey(pool, { credit_limit_micro: 0 });
  const task = { type: 'llm', model: 'test/echo', input: order(5) };
  const { status, body } = await ask<ErrorBody>(pool, `/v1/nodes/${node.nodeId}/tasks`, task, key.key);
  assert.deepEqual([status, body.code], [402, 'insufficient_credits']);
  assert.deepEqual((await ask<JobPage>(pool, '/v1/jobs', undefined, key.key)).body.data, []);
});

test('what a key with a budget alone has held it sees as its credits that are held, too', async () => {
  const key = await makeKey(pool, { budget_micro: 1_000_000 });
  const credits = async () => (await ask<CreditStanding>(pool, '/v1/credits', undefined, key.key)).body;
  const { id } = await submit(jobClient(pool, key.key), { model: 'test/stuck', input: order(50) });
  const { held_micro, budget } = await credits();
  assert.ok(held_micro > 0);
  assert.equal(budget?.held_micro, held_micro);
  await jobClient(pool, key.key).request(`/v1/jobs/${id}`, { method: 'DELETE' });
  assert.equal((await credits()).held_micro, 0);
});

test('a budget that is set on a key in use finds what it has spent before', async () => {
  const key = await makeKey(pool, {});
  for (let i = 0; i < 3; i++) await chat(key);
  const { standing } = await changeKey(pool, key.id, { budget_micro: 1_000_000, budget_duration: YEARS });
  await until(async () => (await shown(key)).standing.budget_spent_micro === (await spentOf(key)));
  assert.ok((standing.budget_spent_micro ?? 0) > 0);
});

test('what was spent, and that the operator was told, outlives the relay', async (t) => {
  const first = await startTestPool(t);
  await first.addNode();
  await setPrice(first);
  const key = await makeKey(first, { budget_micro: 1_000, budget_duration: YEARS, soft_budget_micro: 1 });
  assert.equal((await chat(key, 5, first)).status, 200);
  await until(async () => (await shown(key, first)).standing.budget_held_micro === 0);
  const { standing } = await shown(key, first);
  assert.ok(standing.soft_budget_reached);
  await first.relay.close();
  const second = await startTestPool(t, { dataFolder: first.dataFolder });
  assert.deepEqual((await shown(key, second)).standing, standing);
  assert.equal(await softBudgetsReached(second), '0');
  assert.equal((await chat(key, 5_000, second)).status, 402);
});

async function softBudgetsReached(on = pool): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${on.relay.adminToken}` };
  const text = await (await on.request('/metrics', { headers })).text();
  return /^sparewatt_soft_budgets_reached_total (\d+)$/m.exec(text)?.[1];
}

test('whoever watches the relay hears once of a soft budget that was reached, and nothing is refused', async (t) => {
  const before = Number(await softBudgetsReached());
  const line = await openLive(t, pool, { authorization: `Bearer ${pool.relay.adminToken}` });
  const key = await makeKey(pool, { soft_budget_micro: 1 });
  for (let i = 0; i < 2; i++) assert.equal((await chat(key)).status, 200);
  const other = await makeKey(pool, { soft_budget_micro: 1, budget_micro: 1_000, budget_duration: YEARS });
  assert.equal((await chat(other)).status, 200);
  const heard: string[] = [];
  while (!heard.includes(other.id)) {
    const message = (await line.messages.next()) as LiveMessage;
    if (message.type === 'update') heard.push(...message.budgets.map(({ account }) => account));
  }
  assert.deepEqual(heard, [key.id, other.id]);
  assert.equal(Number(await softBudgetsReached()) - before, 2, 'Prometheus can count them, without their names');
  assert.ok((await shown(key)).standing.soft_budget_reached);
});

test('a key that was made is changed as its operator says, and what is not named stays', async () => {
  const key = await makeKey(pool, { description: 'old', models: ['test/noop'], tokens_per_minute: 5, hmac: false });
  const expires_at = Date.now() + 60_000;
  const change = {
    ...{ name: 'new', description: null, scopes: ['inference' as const, 'usage' as const], models: ['test/echo'] },
    ...{ requests_per_minute: 7, max_parallel_requests: 3, credit_limit_micro: 9, expires_at },
    ...{ budget_micro: 100, budget_duration: '1mo', soft_budget_micro: 50 },
  };
  const changed = await changeKey(pool, key.id, change);
  const { standing, ...rest } = changed;
  const { key: _, standing: __, ...before } = key;
  assert.deepEqual(rest, { ...before, ...change });
  const { requests_left, running_requests, credits_left_micro, budget_left_micro } = standing;
  assert.deepEqual([requests_left, running_requests, credits_left_micro, budget_left_micro], [7, 0, 9, 100]);
  assert.deepEqual(
    (await askAsAdmin<ApiKeyList>(pool, '/v1/admin/keys')).body.data.find(({ id }) => id === key.id),
    changed,
  );
  const none = { models: null, requests_per_minute: null, tokens_per_minute: null, max_parallel_requests: null };
  const more = { credit_limit_micro: null, budget_micro: null, budget_duration: null, soft_budget_micro: null };
  const freed = await changeKey(pool, key.id, { ...none, ...more, scopes: null, expires_at: null });
  assert.deepEqual(freed.scopes, [...KEY_SCOPES]);
  const { models, expires_at: end, requests_per_minute, tokens_per_minute, budget_duration, name } = freed;
  assert.deepEqual(
    [models, end, requests_per_minute, tokens_per_minute, budget_duration, name],
    [null, null, null, null, null, 'new'],
  );
  assert.equal((await chat(key)).status, 200);
});

test('a change counts with the next request', async () => {
  const key = await makeKey(pool, {});
  assert.equal((await chat(key)).status, 200);
  await changeKey(pool, key.id, { models: ['test/noop'] });
  assert.equal((await chat(key)).body.code, 'insufficient_scope');
  await changeKey(pool, key.id, { models: null, scopes: ['usage'] });
  assert.equal((await chat(key)).status, 403);
  await changeKey(pool, key.id, { scopes: null, requests_per_minute: 1 });
  assert.deepEqual([(await chat(key)).status, (await chat(key)).status], [200, 429]);
  await changeKey(pool, key.id, { requests_per_minute: 2 });
  assert.equal((await chat(key)).status, 200, 'what a limit was raised by can be used at once');
});

test('jobs that wait for the minute of their key go on as soon as its limit is taken away', async (t) => {
  const own = await startTestPool(t);
  const key = await makeKey(own, { tokens_per_minute: 1 });
  const client = jobClient(own, key.key);
  // No node is there yet: both are in the line when one comes.
  const [first, second] = [await submit(client), await submit(client)];
  await own.addNode({ slots: 1 });
  assert.equal((await endOf(client, first.id)).state, 'succeeded');
  assert.equal((await jobOf(client, second.id)).queue?.waits?.for, 'tokens_per_minute');
  await changeKey(own, key.id, { tokens_per_minute: null });
  await until(async () => (await jobOf(client, second.id)).state === 'succeeded', 5_000);
});

test('limits are those of the account, whichever of its keys is changed; the rest is of one key', async () => {
  const old = await makeKey(pool, { requests_per_minute: 5 });
  const { body: next } = await askAsAdmin<CreatedKey>(pool, `/v1/admin/keys/${old.id}/rotate`, {});
  assert.equal((await chat(next)).status, 200);
  await changeKey(pool, old.id, { models: ['test/noop'], budget_micro: 0 });
  assert.equal((await chat(next)).body.code, 'budget_exceeded', 'it counts at once for the other key');
  await changeKey(pool, old.id, { requests_per_minute: 9, budget_micro: 7, name: 'the old one' });
  const seen = await shown(next);
  const { requests_per_minute, budget_micro, name, models } = seen;
  assert.deepEqual([requests_per_minute, budget_micro, name, models], [9, 7, 'a test', null]);
  const { body: third } = await askAsAdmin<CreatedKey>(pool, `/v1/admin/keys/${next.id}/rotate`, {});
  assert.deepEqual([third.requests_per_minute, third.budget_micro], [9, 7]);
});

test('changes that come at once are all made', async () => {
  const key = await makeKey(pool, {});
  const changes = [
    { name: 'b' },
    { description: 'c' },
    { requests_per_minute: 1 },
    { budget_micro: 5 },
    { soft_budget_micro: 9 },
    { soft_budget_micro: 4 },
    { models: ['m'] },
  ];
  const statuses = await Promise.all(changes.map(async (change) => (await patchKey(pool, key.id, change)).status));
  assert.deepEqual(statuses, [200, 200, 200, 200, 400, 200, 200]);
  const { name, description, requests_per_minute, budget_micro, soft_budget_micro, models } = await shown(key);
  assert.deepEqual(
    [name, description, requests_per_minute, budget_micro, soft_budget_micro, models],
    ['b', 'c', 1, 5, 4, ['m']],
  );
});

test('[X22] what makes no sense is refused, and changes nothing', async () => {
  const key = await makeKey(pool, { soft_budget_micro: 10 });
  const before = await shown(key);
  for (const [change, param] of [
    [{}, undefined],
    [{ name: null }, 'name'],
    [{ name: '' }, 'name'],
    [{ hmac: true }, 'hmac'],
    [{ key: 'sk-sparewatt-mine' }, 'key'],
    [{ scopes: ['admin'] }, 'scopes.0'],
    [{ max_parallel_requests: 0 }, 'max_parallel_requests'],
    [{ max_parallel_requests: 1.5 }, 'max_parallel_requests'],
    [{ budget_micro: -1 }, 'budget_micro'],
    [{ budget_micro: 1e16 }, 'budget_micro'],
    [{ budget_micro: 10 }, 'soft_budget_micro'],
    [{ budget_duration: '1y', budget_micro: 20 }, 'budget_duration'],
    [{ budget_duration: 'month', budget_micro: 20 }, 'budget_duration'],
    [{ budget_duration: '1d', soft_budget_micro: null }, 'budget_duration'],
    [{ name: 'x', expires_at: 5 }, 'expires_at'],
    [{ name: 'x', expires_at: 1e300 }, 'expires_at'],
  ] as const) {
    const { status, body } = await patchKey<{ error: { param: string | null } }>(pool, key.id, change);
    assert.equal(status, 400, JSON.stringify(change));
    if (param !== undefined) assert.equal(body.error.param, param, JSON.stringify(body));
  }
  assert.deepEqual(await shown(key), before);
  const unknown = await patchKey<ErrorBody>(pool, 'key_nobody', { name: 'x' });
  assert.deepEqual([unknown.status, unknown.body.code], [404, 'key_not_found']);
  await pool.request(`/v1/admin/keys/${key.id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${pool.relay.adminToken}` },
  });
  const revoked = await patchKey<ErrorBody>(pool, key.id, { expires_at: null, name: 'x' });
  assert.deepEqual([revoked.status, revoked.body.code], [400, 'invalid_value']);
  const own = await ask<ErrorBody>(pool, `/v1/admin/keys/${key.id}`, undefined, pool.relay.apiKey);
  assert.equal(own.status, 403);
});
