import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { assertScope, ensureFirstKey, hashApiKey, newAdminToken, newApiKey } from '../../../relay/access/api-keys.ts';
import { createKeyGuard } from '../../../relay/access/key-guard.ts';
import type { KeyStore } from '../../../relay/store/store.ts';
import { KEY_SCOPES } from '../../../shared/api/keys.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { isProblem } from '../../support/problems.ts';
import { until } from '../../support/until.ts';
import { makeSqlitePlace } from '../store/sqlite/sqlite-place.ts';
import { keyRecord, T0 } from '../store/store-records.ts';

/** A guard over a real store with one key in it, a clock to set, and a count of what reaches the store. */
async function setUp(t: TestContext, options: { patienceMs?: number; silence?: Promise<void> } = {}) {
  const { keys } = await (await makeSqlitePlace(t)).open();
  const clock = { now: T0 };
  const calls: { find: number; touch: number; refusals?: number } = { find: 0, touch: 0 };
  const counted: KeyStore = {
    ...keys,
    findKeyByHash: async (hash) => {
      calls.find += 1;
      await options.silence;
      return keys.findKeyByHash(hash);
    },
    touchKeys: async (usages) => {
      calls.touch += 1;
      if (calls.refusals !== undefined && calls.refusals-- > 0)
        throw new Problem('storage_failed', 'The disk is full.');
      return keys.touchKeys(usages);
    },
  };
  const [key, adminToken] = [newApiKey(), newAdminToken()];
  const { keyId } = await ensureFirstKey(keys, key, () => T0);
  const guard = createKeyGuard({ store: counted, adminToken, now: () => clock.now, ...options });
  return { keys, key, keyId, adminToken, guard, clock, calls };
}

test('knows a client by its bearer key or its x-api-key', async (t) => {
  const { guard, key, keyId } = await setUp(t);
  const client = { kind: 'client', keyId, scopes: [...KEY_SCOPES] };
  assert.deepEqual(await guard.authenticate(`Bearer ${key}`), client);
  assert.deepEqual(await guard.authenticate(`bearer   ${key} `), client);
  assert.deepEqual(await guard.authenticate(undefined, key), client);
  assert.deepEqual(await guard.authenticate(undefined, [key]), client);
  assert.deepEqual(await guard.authenticate('Basic dXNlcjpwYXNz', key), client);
});

test('knows the operator by the admin token', async (t) => {
  const { guard, adminToken, calls } = await setUp(t);
  const principal = await guard.authenticate(`Bearer ${adminToken}`);
  assert.equal(principal.kind, 'admin');
  assertScope(principal, 'admin');
  assertScope(principal, 'inference');
  assert.equal(calls.find, 0);
});

test('refuses a client key where the admin token is needed', async (t) => {
  const { guard, key } = await setUp(t);
  const principal = await guard.authenticate(`Bearer ${key}`);
  assertScope(principal, 'inference');
  assert.throws(() => assertScope(principal, 'admin'), isProblem('insufficient_scope', /admin token/));
});

test('[X01] refuses a request without a key and says how to send one', async (t) => {
  const { guard } = await setUp(t);
  for (const [authorization, apiKey] of [
    [undefined, undefined],
    [undefined, ''],
    ['', undefined],
    [undefined, []],
  ] as const) {
    const asking = async () => guard.authenticate(authorization, apiKey as string | string[] | undefined);
    await assert.rejects(asking, isProblem('invalid_api_key', /Authorization: Bearer KEY.* or with its admin token/));
  }
});

test('[X01] refuses a header that is no bearer key', async (t) => {
  const { guard, key } = await setUp(t);
  for (const header of [key, 'Bearer', 'Bearer ', `Basic ${key}`, `Bearer ${key} and more`]) {
    await assert.rejects(async () => guard.authenticate(header), isProblem('invalid_api_key', /no bearer key/));
  }
});

test('[X01] refuses wrong keys without repeating them or remembering them', async (t) => {
  const { guard, key, calls } = await setUp(t);
  const wrong = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
  for (let times = 1; times <= 2; times += 1) {
    await assert.rejects(
      async () => guard.authenticate(`Bearer ${wrong}`),
      (error: unknown) => {
        assert.ok(error instanceof Error && !error.message.includes(wrong));
        return isProblem('invalid_api_key', /not a key of this relay/)(error);
      },
    );
    assert.equal(calls.find, times);
  }
});

test('[X01] refuses a key from the moment it expires, also when it was just in use', async (t) => {
  const { guard, keys, clock } = await setUp(t);
  await keys.putKey(keyRecord('key_short', { hash: hashApiKey('short-lived'), expiresAt: T0 + 100 }));
  clock.now = T0 + 99;
  assert.equal((await guard.authenticate('Bearer short-lived')).keyId, 'key_short');
  clock.now = T0 + 100;
  await assert.rejects(async () => guard.authenticate('Bearer short-lived'), isProblem('invalid_api_key', /expired/));
});

test('[X01] refuses a revoked key within five seconds, and at once when it is told', async (t) => {
  const { guard, keys, key, keyId, clock } = await setUp(t);
  await guard.authenticate(`Bearer ${key}`);
  await keys.revokeKey(keyId, T0);
  guard.forget('key_of_someone_else');
  assert.equal((await guard.authenticate(`Bearer ${key}`)).keyId, keyId);
  guard.forget(keyId);
  await assert.rejects(async () => guard.authenticate(`Bearer ${key}`), isProblem('invalid_api_key', /revoked/));
  clock.now = T0 + 60_000;
  await assert.rejects(async () => guard.authenticate(`Bearer ${key}`), isProblem('invalid_api_key', /revoked/));
});

test('[X01] refuses a key that is revoked while it is looked up for the first time', async (t) => {
  const { keys, key, keyId, adminToken } = await setUp(t);
  const answer = Promise.withResolvers<void>();
  let asked = 0;
  const findKeyByHash: KeyStore['findKeyByHash'] = async (hash) => {
    const found = await keys.findKeyByHash(hash);
    // An answer may be overtaken by that of a later call, on a line of its own.
    if (asked++ === 0) await answer.promise;
    return found;
  };
  const guard = createKeyGuard({ store: { ...keys, findKeyByHash }, adminToken, now: () => T0 });
  const early = guard.authenticate(`Bearer ${key}`);
  await keys.revokeKey(keyId, T0);
  guard.forget(keyId);
  answer.resolve();
  await assert.rejects(async () => early, isProblem('invalid_api_key', /revoked/));
  await assert.rejects(async () => guard.authenticate(`Bearer ${key}`), isProblem('invalid_api_key', /revoked/));
});

test('takes the limits of a key that is changed while it is looked up as they are then, and tells no older ones', async (t) => {
  const { keys, key, keyId, adminToken } = await setUp(t);
  const answer = Promise.withResolvers<void>();
  let asked = 0;
  const findKeyByHash: KeyStore['findKeyByHash'] = async (hash) => {
    const found = await keys.findKeyByHash(hash);
    if (asked++ === 0) await answer.promise;
    return found;
  };
  const told: (number | null)[] = [];
  const setLimits = async (_accountId: string, { maxParallelRequests }: { maxParallelRequests: number | null }) => {
    told.push(maxParallelRequests);
  };
  const guard = createKeyGuard({ store: { ...keys, findKeyByHash }, adminToken, now: () => T0, setLimits });
  const early = guard.authenticate(`Bearer ${key}`);
  await keys.changeKey(keyId, { maxParallelRequests: 2 });
  guard.forget(keyId);
  answer.resolve();
  assert.deepEqual([(await early).limits?.maxParallelRequests, told], [2, [2]]);
});

test('notices a revocation by another process after five seconds', async (t) => {
  const { guard, keys, key, keyId, clock } = await setUp(t);
  await guard.authenticate(`Bearer ${key}`);
  await keys.revokeKey(keyId, T0);
  clock.now = T0 + 4_999;
  await guard.authenticate(`Bearer ${key}`);
  clock.now = T0 + 5_000;
  await assert.rejects(async () => guard.authenticate(`Bearer ${key}`), isProblem('invalid_api_key', /revoked/));
});

test('a clock that was ahead and is set right keeps nobody from hearing of a revocation, nor uses from being written', async (t) => {
  const { guard, keys, key, keyId, clock, calls } = await setUp(t);
  clock.now = T0 + 86_400_000;
  await guard.authenticate(`Bearer ${key}`);
  await guard.recordUsage();
  clock.now = T0;
  await guard.authenticate(`Bearer ${key}`);
  assert.deepEqual(calls, { find: 2, touch: 2 });
  clock.now = T0 + 86_400_000;
  await guard.authenticate(`Bearer ${key}`);
  await keys.revokeKey(keyId, T0);
  clock.now = T0 + 1;
  await assert.rejects(async () => guard.authenticate(`Bearer ${key}`), isProblem('invalid_api_key', /revoked/));
});

test('a use that could not be written down is written with the next ones', async (t) => {
  const { guard, keys, key, clock, calls } = await setUp(t);
  await guard.authenticate(`Bearer ${key}`);
  calls.refusals = 1;
  await assert.rejects(guard.recordUsage(), isProblem('storage_failed', /disk/));
  assert.equal((await keys.listKeys())[0]?.lastUsedAt, null);
  clock.now += 5;
  await guard.recordUsage();
  assert.equal((await keys.listKeys())[0]?.lastUsedAt, T0);
});

test('asks the store once for a key in steady use', async (t) => {
  const { guard, key, calls } = await setUp(t);
  for (let times = 0; times < 100; times += 1) await guard.authenticate(`Bearer ${key}`);
  assert.deepEqual(calls, { find: 1, touch: 0 });
});

test('writes down the last use once a minute, and the rest when told', async (t) => {
  const { guard, keys, key, clock, calls } = await setUp(t);
  const lastUse = async () => (await keys.listKeys())[0]?.lastUsedAt;
  await guard.authenticate(`Bearer ${key}`);
  clock.now = T0 + 60_000;
  await guard.authenticate(`Bearer ${key}`);
  await guard.authenticate(`Bearer ${key}`);
  assert.equal(calls.touch, 1);
  clock.now = T0 + 61_000;
  await guard.authenticate(`Bearer ${key}`);
  await guard.recordUsage();
  assert.equal(await lastUse(), T0 + 61_000);
  await guard.recordUsage();
  assert.equal(calls.touch, 2);
});

test('registers the first key once, and does not bring a revoked one back', async (t) => {
  const { keys, key, keyId } = await setUp(t);
  await keys.revokeKey(keyId, T0 + 1);
  const again = await ensureFirstKey(keys, key);
  assert.equal(again.revokedAt, T0 + 1);
  assert.equal((await keys.listKeys()).length, 1);
});

test('stores the hash of a key and nothing that leads back to it', async (t) => {
  const { keys, key } = await setUp(t);
  assert.ok(!JSON.stringify(await keys.listKeys()).includes(key.slice(-20)));
  assert.equal((await keys.listKeys())[0]?.hash, hashApiKey(key));
});

test('makes keys that are recognisable and never the same', () => {
  assert.match(newApiKey(), /^sk-sparewatt-[\w-]{43}$/);
  assert.match(newAdminToken(), /^sw-admin-[\w-]{43}$/);
  assert.notEqual(newApiKey(), newApiKey());
});

test('whoever asks while the database stands still is told so, and costs it one question', async (t) => {
  const { promise: silence, resolve: answers } = Promise.withResolvers<void>();
  const { guard, key, calls } = await setUp(t, { silence, patienceMs: 5 });
  const still = isProblem('storage_failed', /has not answered for 0\.005 s/);
  for (const _ of [1, 2]) await assert.rejects(async () => guard.authenticate(`Bearer ${key}`), still);
  assert.equal(calls.find, 1);
  answers();
  const kind = async () => (await guard.authenticate(`Bearer ${key}`)).kind;
  await until(async () => (await kind().catch(() => 'nobody')) === 'client');
  assert.equal(calls.find, 1, 'what it said at last is known');
});

test('who was let in is refused once the key is shut out, and who came with another is not', async (t) => {
  const { guard, keys, key, keyId, adminToken, clock } = await setUp(t);
  const other = newApiKey();
  await keys.putKey(keyRecord('other', { hash: hashApiKey(other) }));
  const early = await guard.authenticate(`Bearer ${key}`);
  clock.now += 6_000;
  const late = await guard.authenticate(`Bearer ${key}`);
  const [neighbour, operator] = [
    await guard.authenticate(`Bearer ${other}`),
    await guard.authenticate(`Bearer ${adminToken}`),
  ];
  for (const one of [early, late, neighbour, operator]) guard.assertWorks(one);
  await keys.revokeKey(keyId, clock.now);
  guard.shutOut(keyId, 'was revoked');
  for (const one of [early, late])
    assert.throws(() => guard.assertWorks(one), isProblem('invalid_api_key', /was revoked/));
  for (const one of [neighbour, operator]) guard.assertWorks(one);
  await assert.rejects(async () => guard.authenticate(`Bearer ${key}`), isProblem('invalid_api_key', /was revoked/));
});
