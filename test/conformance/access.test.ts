import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import { hashApiKey, newApiKey, UNLIMITED } from '../../relay/access/api-keys.ts';
import { createApp } from '../../relay/app.ts';
import type { RelayServices } from '../../relay/services.ts';
import { openSqliteStore } from '../../relay/store/sqlite/open-sqlite-store.ts';
import type { KeyRecord } from '../../relay/store/store.ts';
import { KEY_SCOPES } from '../../shared/api/keys.ts';
import { assertAnthropicError, assertError, readError } from '../support/error-answers.ts';
import { silentLog, startPool } from '../support/pool.ts';

const pool = await startPool();
after(() => pool.close());
await pool.addNode();

const ASK = { model: 'test/noop', messages: [{ role: 'user' as const, content: 'x' }] };

/** A key of its own, written into the relay's store as an operator would. */
async function addKey(part: Partial<KeyRecord>): Promise<string> {
  const key = newApiKey();
  const store = await openSqliteStore({ file: join(pool.dataFolder, 'sparewatt.sqlite') });
  const keyId = `key_${hashApiKey(key).slice(0, 8)}`;
  await store.keys.putKey({
    keyId,
    accountId: keyId,
    hash: hashApiKey(key),
    prefix: null,
    name: 'of a test',
    description: null,
    scopes: ['inference'],
    ...UNLIMITED,
    hmac: false,
    createdAt: Date.now(),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    ...part,
  });
  await store.close();
  return key;
}

async function askWithout(headers: Record<string, string>): Promise<Response> {
  return fetch(`${pool.relay.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(ASK),
  });
}

test('[X01] answers 401 invalid_api_key to a request without a key, also when its body is wrong', async () => {
  assertError(await readError(await askWithout({})), { code: 'invalid_api_key', message: /Authorization: Bearer KEY/ });
  assertError(await readError(await fetch(`${pool.relay.url}/v1/models`)), { code: 'invalid_api_key' });
  const broken = await fetch(`${pool.relay.url}/v1/chat/completions`, { method: 'POST', body: '{' });
  assertError(await readError(broken), { code: 'invalid_api_key' });
});

test('[X01] gives the client of a wrong, expired or revoked key an AuthenticationError', async () => {
  const keys = [
    'sk-wrong',
    await addKey({ expiresAt: Date.now() - 1 }),
    await addKey({ revokedAt: Date.now() - 1 }),
  ] as const;
  for (const apiKey of keys) {
    await assert.rejects(pool.client({ apiKey }).chat.completions.create(ASK), (error: unknown) => {
      assert.ok(error instanceof OpenAI.AuthenticationError);
      assert.equal(error.code, 'invalid_api_key');
      assert.equal(error.type, 'authentication_error');
      assert.ok(!error.message.includes(apiKey));
      return true;
    });
  }
});

test('[X01] takes a key that is valid, as a bearer or as x-api-key', async () => {
  const key = await addKey({});
  assert.equal((await askWithout({ authorization: `Bearer ${key}` })).status, 200);
  assert.equal((await askWithout({ 'x-api-key': key })).status, 200);
});

test('[X01] answers 403 insufficient_scope to a key without the right it needs', async () => {
  const key = await addKey({ scopes: [] });
  const refused = await askWithout({ authorization: `Bearer ${key}` });
  assertError(await readError(refused), { code: 'insufficient_scope', message: /`inference`/ });
});

test('[X22] answers 403 when a client key asks for what only the admin token may', async () => {
  const response = await pool.request('/v1/nodes/enroll', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ publicKey: `U${'A'.repeat(55)}`, name: 'stranger' }),
  });
  assertError(await readError(response), { code: 'insufficient_scope', message: /admin token/ });
});

test('asks for a key on every route but the public ones', async () => {
  const PUBLIC = [
    'get /console',
    'get /join',
    'get /healthz',
    'get /openapi.json',
    'get /problems',
    'get /problems/{code}',
    'get /readyz',
    'get /v1/admin/session',
    'get /v1/health',
    'post /v1/miners/register',
    'get /licences.txt',
    'get /verify',
    'post /v1/admin/session',
    'get /v1/health/live',
    'get /v1/log/keys',
    'get /v1/health/ready',
    'post /v1/nodes/enroll',
    'post /v1/nodes/records',
    'post /v1/pairing/challenge',
    'post /v1/pairing/complete',
  ];
  const { paths } = (await (await fetch(`${pool.relay.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { security?: unknown[] }>>;
  };
  const open: string[] = [];
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { security }] of Object.entries(operations)) {
      const response = await fetch(`${pool.relay.url}${path.replace(/\{\w+\}/g, 'x')}`, {
        method: method.toUpperCase(),
      });
      const isOpen = response.status !== 401;
      if (isOpen) open.push(`${method} ${path}`);
      assert.equal(security?.length === 0, isOpen, `what the documentation says of ${method} ${path}`);
    }
  }
  assert.deepEqual(open.sort(), PUBLIC.sort());
});

type Operation = { security?: Record<string, string[]>[] };

/** Every operation that takes a key, as the documentation tells of it. */
async function guardedOperations(): Promise<{ method: string; path: string; scope: string | undefined }[]> {
  const answer = await fetch(`${pool.relay.url}/openapi.json`);
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { security = [] }]) =>
      security.flatMap(({ apiKey }) => (apiKey === undefined ? [] : [{ method, path, scope: apiKey[0] }])),
    ),
  );
}

test('[X01] each route takes the one scope that its documentation names, and no other does instead', async () => {
  const scopes = [...KEY_SCOPES, 'admin'];
  const keys = new Map<string | undefined, { only: string; others: string }>();
  for (const scope of scopes) {
    const others = KEY_SCOPES.filter((other) => other !== scope);
    const only = scope === 'admin' ? pool.relay.adminToken : await addKey({ scopes: [scope] });
    keys.set(scope, { only, others: await addKey({ scopes: others }) });
  }
  const used = new Set<string | undefined>();
  for (const { method, path, scope } of await guardedOperations()) {
    const url = `${pool.relay.url}${path.replace(/\{\w+\}/g, 'x')}`;
    const { only, others } = keys.get(scope) ?? assert.fail(`${method} ${path} takes no scope`);
    // A POST without a body is as far as this may go.
    const send = (key: string) =>
      fetch(url, { method: method.toUpperCase(), headers: { authorization: `Bearer ${key}` } });
    const refused = await send(others);
    assert.equal(refused.status, 403, `${method} ${path}`);
    const assertTold = path.startsWith('/v1/messages') ? assertAnthropicError : assertError;
    assertTold(await readError(refused), { code: 'insufficient_scope', message: new RegExp(`\`${scope}\``) });
    const taken = await send(only);
    assert.ok(taken.status !== 401 && taken.status !== 403, `${method} ${path} with ${scope}: ${taken.status}`);
    await taken.body?.cancel();
    used.add(scope);
  }
  assert.deepEqual([...used].sort(), scopes.sort());
});

test('refuses to start with a route that does not say who may call it', async () => {
  const services = { version: '0.0.0-test' } as RelayServices;
  const app = await createApp({ services, logger: silentLog, maxBodyBytes: 1 });
  assert.throws(() => app.get('/v1/forgotten', async () => 'x'), /GET \/v1\/forgotten has no access class/);
  await app.close();
});
