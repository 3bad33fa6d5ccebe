import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Value } from 'typebox/value';
import type { AdminStats } from '../../shared/api/stats.ts';
import { AdminStats as StatsSchema } from '../../shared/api/stats.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { signIn } from '../support/operator.ts';
import { startPool } from '../support/pool.ts';

const pool = await startPool();
after(() => pool.close());
const { url } = pool.relay;
const JSON_BODY = { 'content-type': 'application/json' };

function post(path: string, body: unknown, headers: Record<string, string>): Promise<Response> {
  return fetch(`${url}${path}`, { method: 'POST', headers: { ...JSON_BODY, ...headers }, body: JSON.stringify(body) });
}

test('the admin token opens a session, in a cookie that no script reads and no other site sends', async () => {
  const answer = await post('/v1/admin/session', { token: pool.relay.adminToken }, { origin: url });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const cookie = answer.headers.get('set-cookie') ?? '';
  assert.match(cookie, /^sparewatt-session-\w{12}=[\w-]{43}; Path=\/v1; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  const text = await answer.text();
  assert.ok(!text.includes(pool.relay.adminToken) && !cookie.includes(pool.relay.adminToken));
  const secure = await post(
    '/v1/admin/session',
    { token: pool.relay.adminToken },
    { origin: url.replace('http:', 'https:') },
  );
  assert.match(secure.headers.get('set-cookie') ?? '', /; Secure$/);
});

test('a session may do what the admin token may, and what a key may', async () => {
  const cookie = await signIn(pool);
  assert.equal((await fetch(`${url}/v1/admin/keys`, { headers: { cookie } })).status, 200);
  assert.equal((await fetch(`${url}/v1/models`, { headers: { cookie } })).status, 200);
  const made = await post('/v1/admin/keys', { name: 'made in the console' }, { cookie, origin: url });
  assert.equal(made.status, 201);
});

test('refuses what a page of another origin, or nobody at all, asks in the name of a session', async () => {
  const cookie = await signIn(pool);
  const port = new URL(url).port;
  const strangers = ['https://evil.example', 'http://127.0.0.1:1', `http://localhost:${port}`, 'null', undefined];
  for (const origin of strangers) {
    const headers = { cookie, ...(origin === undefined ? {} : { origin }) };
    const refused = await post('/v1/admin/keys', { name: 'forged' }, headers);
    assertError(await readError(refused), { code: 'origin_refused' });
  }
  const { data } = (await (await fetch(`${url}/v1/admin/keys`, { headers: { cookie } })).json()) as {
    data: { name: string }[];
  };
  assert.ok(!data.some(({ name }) => name === 'forged'));
});

test('refuses a wrong token and the key of a client, and after ten of them whoever guesses on', async (t) => {
  const other = await startPool();
  t.after(() => other.close());
  const at = (token: string) =>
    fetch(`${other.relay.url}/v1/admin/session`, {
      method: 'POST',
      headers: { ...JSON_BODY, origin: other.relay.url },
      body: JSON.stringify({ token }),
    });
  assertError(await readError(await at(other.relay.apiKey)), { code: 'invalid_api_key', message: /admin token/ });
  for (let i = 0; i < 9; i++) assert.equal((await at(`sw-admin-${i}`)).status, 401);
  const limited = await at('sw-admin-again');
  assert.ok(Number(limited.headers.get('retry-after')) > 0);
  assertError(await readError(limited), { code: 'too_many_attempts' });
});

test('a session ends when its operator signs out, and the other sessions do not', async () => {
  const [mine, other] = [await signIn(pool), await signIn(pool)];
  const headers = { cookie: mine, origin: url };
  const out = await fetch(`${url}/v1/admin/session`, { method: 'DELETE', headers });
  assert.match(out.headers.get('set-cookie') ?? '', /=; Path=\/v1; .*Max-Age=0/);
  assertError(await readError(await fetch(`${url}/v1/admin/keys`, { headers })), {
    code: 'invalid_api_key',
    message: /Sign in again/,
  });
  assert.equal((await fetch(`${url}/v1/admin/keys`, { headers: { cookie: other } })).status, 200);
  const lasts = async (cookie: string) => (await fetch(`${url}/v1/admin/session`, { headers: { cookie } })).json();
  assert.deepEqual(await lasts(mine), { expires_at: null });
  assert.ok(((await lasts(other)) as { expires_at: number }).expires_at > Date.now());
});

test('a cookie that another port of the host has put in front hides no session, and is none', async () => {
  const mine = await signIn(pool);
  const [name] = mine.split('=');
  const planted = `${name}=${'a'.repeat(43)}`;
  for (const cookie of [`${planted}; ${mine}`, `${mine}; ${planted}`, `${planted};${planted};${mine};other=1`]) {
    assert.equal((await fetch(`${url}/v1/admin/keys`, { headers: { cookie } })).status, 200);
  }
  const alone = await fetch(`${url}/v1/admin/keys`, { headers: { cookie: planted } });
  assertError(await readError(alone), { code: 'invalid_api_key', message: /Sign in again/ });
});

test('a key that is sent counts for more than the session beside it', async () => {
  const cookie = await signIn(pool);
  const headers = { cookie, authorization: `Bearer ${pool.relay.apiKey}` };
  assertError(await readError(await fetch(`${url}/v1/admin/keys`, { headers })), { code: 'insufficient_scope' });
});

test('the numbers tell of nodes, jobs, the last minute, refusals and the disk', async () => {
  await pool.addNode({ slots: 3 });
  const client = pool.client();
  const messages = [{ role: 'user' as const, content: 'one two' }];
  await client.chat.completions.create({ model: 'test/echo', messages });
  await assert.rejects(client.chat.completions.create({ model: 'test/breaking', messages }));
  const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
  const stats = (await (await fetch(`${url}/v1/admin/stats`, { headers })).json()) as AdminStats;
  assert.ok(Value.Check(StatsSchema, stats), JSON.stringify(stats));
  assert.deepEqual(stats.nodes, { known: 1, connected: 1, by_status: { ready: 1 } });
  assert.deepEqual(stats.slots, { total: 3, used: 0 });
  assert.deepEqual(stats.last_minute, { jobs: 2, failed: 1, input_tokens: 2, output_tokens: 2 });
  assert.deepEqual(stats.problems.jobs, { node_fault: 1 });
  assert.ok((stats.problems.requests.node_fault ?? 0) >= 1 && (stats.problems.requests.origin_refused ?? 0) >= 1);
  assert.ok(stats.storage.writable && (stats.storage.database_bytes ?? 0) > 0 && (stats.storage.free_bytes ?? 0) > 0);
  assert.equal(stats.health.status, 'ok');
});

test('behind a proxy that rewrites the host, a session counts for pages at the public address', async (t) => {
  const publicUrl = 'https://relay.example';
  const other = await startPool({ publicUrl });
  t.after(() => other.close());
  const cookie = await signIn(other, other.relay.adminToken, publicUrl);
  const ask = (origin: string) =>
    fetch(`${other.relay.url}/v1/admin/keys`, {
      method: 'POST',
      headers: { ...JSON_BODY, cookie, origin },
      body: JSON.stringify({ name: 'mine' }),
    });
  assert.equal((await ask(publicUrl)).status, 201);
  assert.equal((await ask('http://relay.example')).status, 403);
});
