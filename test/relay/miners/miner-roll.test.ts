import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openMinerRoll } from '../../../relay/miners/miner-roll.ts';
import type { MinerTerms } from '../../../relay/miners/miner-session.ts';
import { openNodeRegister } from '../../../relay/pairing/node-register.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import { afterTest } from '../../support/after-test.ts';
import { silentLog } from '../../support/pool.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const FRESH = { firstSeenAt: 1, labels: {}, pairedAt: null, lastSeenAt: null, revokedAt: null } as const;
const models = (name: string): MinerTerms['document'] => ({ served_models: [{ name, type: 'llm' }] });
const TERMS: MinerTerms = { slots: 1, document: models('a') };

async function openRolls(t: TestContext) {
  const store = await openSqliteStore({ file: join(temporaryFolder(t), 'x.sqlite') });
  const register = await openNodeRegister({ store: store.pairing, log: silentLog, now: () => 1 });
  afterTest(t, async () => {
    await register.close();
    await store.close();
  });
  await register.admit({ ...FRESH, nodeId: 'm', publicKey: 'U', name: 'm', state: 'active', trust: 'paired' });
  return () => openMinerRoll({ store: store.miners, register, now: () => 1 });
}

test('[M2] a former token that changes its terms at the moment it is replaced does not come back', async (t) => {
  const open = await openRolls(t);
  const roll = await open();
  const former = (await roll.enter('m', TERMS, undefined)) ?? '';
  const [token] = await Promise.all([
    roll.enter('m', { ...TERMS, slots: 2 }, undefined),
    roll.change('m', (terms) => ({ ...terms, document: models('b') })),
  ]);
  for (const one of [roll, await open()]) {
    assert.deepEqual([one.find(former), one.find(token ?? '')], [undefined, 'm']);
    assert.deepEqual(one.termsOf('m'), { slots: 2, document: models('b') });
  }
});

test('of two heartbeats at once each changes what it names', async (t) => {
  const roll = await (await openRolls(t))();
  await roll.enter('m', TERMS, undefined);
  await Promise.all([
    roll.change('m', (terms) => ({ ...terms, slots: 3 })),
    roll.change('m', (terms) => ({ ...terms, document: models('b') })),
  ]);
  assert.deepEqual(roll.termsOf('m'), { slots: 3, document: models('b') });
});

test('a record that could not be written holds up none after it', async (t) => {
  const roll = await (await openRolls(t))();
  await roll.enter('m', TERMS, undefined);
  const broken = roll.change('m', () => {
    throw new Error('broken');
  });
  const next = roll.change('m', (terms) => ({ ...terms, slots: 4 }));
  await assert.rejects(broken, /broken/);
  await next;
  assert.equal(roll.termsOf('m').slots, 4);
});
