import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ACTIVE } from '../../../relay/fabric/node-standing.ts';
import { createNodeTable } from '../../../relay/fabric/node-table.ts';
import { createNodeControl } from '../../../relay/pairing/node-control.ts';
import { openNodeRegister } from '../../../relay/pairing/node-register.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { afterTest } from '../../support/after-test.ts';
import { createFakeBus } from '../../support/fake-bus.ts';
import { admission } from '../../support/live-nodes.ts';
import { collectLog } from '../../support/log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

test('[P12] a revocation that the bus did not hear of is told when the bus is back', async (t) => {
  const store = await openSqliteStore({ file: join(temporaryFolder(t), 'x.sqlite') });
  const log = collectLog();
  const register = await openNodeRegister({ store: store.pairing, log, now: () => 5_000 });
  afterTest(t, async () => {
    await register.close();
    await store.close();
  });
  const node = { nodeId: 'attic', publicKey: 'U1', name: 'attic', firstSeenAt: 1, labels: {} } as const;
  const times = { pairedAt: null, lastSeenAt: null, revokedAt: null };
  await register.admit({ ...node, ...times, state: 'active', trust: 'paired' });
  const table = createNodeTable();
  table.admit(admission('attic'));
  const bus = createFakeBus();
  bus.setConnected(false);
  const told: unknown[] = [];
  const applyRevocations = async () => {
    if (!bus.isConnected()) throw new Problem('bus_unavailable', 'The bus is down.');
    told.push(register.revocations());
  };
  const control = createNodeControl({
    register,
    table,
    bus,
    standingOf: () => ACTIVE,
    applyRevocations,
    now: () => 5_000,
    log,
  });

  assert.equal((await control.revoke('attic')).connectionCut, false);
  assert.equal(table.get('attic'), undefined);
  bus.setConnected(true);
  await until(() => told.length > 0);
  assert.deepEqual(told, [{ U1: 5 }]);
  bus.setConnected(false);
  bus.setConnected(true);
  assert.equal(told.length, 1, 'and once is enough');
});
