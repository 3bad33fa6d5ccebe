import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { newApiKey } from '../../../relay/access/api-keys.ts';
import { createKeyAdmin } from '../../../relay/access/key-admin.ts';
import { deriveSigningSecrets } from '../../../relay/access/signing-secrets.ts';
import { newId } from '../../../relay/jobs/id.ts';
import type { KeyStanding } from '../../../shared/api/keys.ts';
import { makeSqlitePlace } from '../store/sqlite/sqlite-place.ts';
import { T0 } from '../store/store-records.ts';

const newOrigin = () => ({ keyId: newId('key'), idempotencyKey: null });

async function startKeyAdmin(t: TestContext) {
  const { keys } = await (await makeSqlitePlace(t)).open();
  const clock = { now: T0 };
  const secrets = deriveSigningSecrets('the seed of a relay');
  const guard = { forget: () => undefined, shutOut: () => undefined, letIn: () => undefined };
  const ports = { guard, recordUsage: async () => undefined, secrets, keyOf: newApiKey, now: () => clock.now };
  const limits = { setLimits: async () => undefined, standingOf: () => ({}) as KeyStanding };
  return { admin: createKeyAdmin({ store: keys, ...limits, ...ports }), clock };
}

test('an account is done with once no key of it works and one was revoked, not when its key has only run out', async (t) => {
  const { admin, clock } = await startKeyAdmin(t);
  const accounts = async (): Promise<string[]> => [...(await admin.revokedAccounts())].sort();
  await admin.create({ name: 'runs out', expires_at: T0 + 10 }, newOrigin());
  const revoked = await admin.create({ name: 'revoked' }, newOrigin());
  const old = await admin.create({ name: 'replaced' }, newOrigin());
  const replacement = await admin.rotate(old.id, 60_000, newOrigin());
  clock.now = T0 + 10;
  assert.deepEqual(await accounts(), []);
  for (const { id } of [revoked, old]) await admin.revoke(id);
  assert.deepEqual(await accounts(), [revoked.id]);
  await admin.revoke(replacement.id);
  assert.deepEqual(await accounts(), [revoked.id, old.id].sort());
});

test('an account whose last key has run out is not done with, whatever was revoked before, until that is revoked, too', async (t) => {
  const { admin, clock } = await startKeyAdmin(t);
  const old = await admin.create({ name: 'replaced', expires_at: T0 + 10 }, newOrigin());
  const last = await admin.rotate(old.id, 60_000, newOrigin());
  await admin.revoke(old.id);
  // What it accepted is still done, also by a relay that starts now.
  clock.now = T0 + 20;
  assert.deepEqual([(await admin.get(last.id)).state, await admin.revokedAccounts()], ['expired', new Set()]);
  assert.equal((await admin.actingFor(old.id))?.keyId, old.id);
  await admin.revoke(last.id);
  assert.deepEqual(await admin.revokedAccounts(), new Set([old.id]));
});

test('a key that replaces another ends when its operator said of the account last, whatever keys were replaced before it', async (t) => {
  const { admin, clock } = await startKeyAdmin(t);
  const endOf = async (keyId: string) => (await admin.get(keyId)).expires_at;
  const first = await admin.create({ name: 'for ever' }, newOrigin());
  const second = await admin.rotate(first.id, 60_000, newOrigin());
  await admin.change(second.id, { expires_at: T0 + 10_000 });
  const third = await admin.rotate(second.id, 60_000, newOrigin());
  assert.deepEqual(
    [await endOf(first.id), await endOf(second.id), third.expires_at],
    [T0 + 60_000, T0 + 10_000, T0 + 10_000],
  );
  // The first one again, whose answer was lost; the clock was set back meanwhile.
  clock.now -= 5_000;
  assert.equal((await admin.rotate(first.id, 60_000, newOrigin())).expires_at, T0 + 10_000);
  // A key that still works, of an account whose newest has run out, hands on what itself has left.
  clock.now = T0 + 20_000;
  assert.equal((await admin.rotate(first.id, 0, newOrigin())).expires_at, T0 + 55_000);
});
