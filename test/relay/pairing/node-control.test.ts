import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ACTIVE } from '../../../relay/fabric/nodes/node-standing.ts';
import { createNodeTable } from '../../../relay/fabric/nodes/node-table.ts';
import { createNodeControl } from '../../../relay/pairing/node-control.ts';
import { openNodeRegister } from '../../../relay/pairing/node-register.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { afterTest } from '../../support/after-test.ts';
import { createFakeBus } from '../../support/bus/fake-bus.ts';
import { collectLog } from '../../support/log.ts';
import { admission } from '../../support/nodes/live-nodes.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const FRESH = { firstSeenAt: 1, labels: {}, pairedAt: null, lastSeenAt: null, revokedAt: null } as const;

async function start(t: TestContext) {
  const store = await openSqliteStore({ file: join(temporaryFolder(t), 'x.sqlite') });
  const log = collectLog();
  const open = () => openNodeRegister({ store: store.pairing, log, now: () => 5_000 });
  const register = await open();
  afterTest(t, async () => {
    await register.close();
    await store.close();
  });
  const know = (nodeId: string, publicKey: string) =>
    register.admit({ ...FRESH, nodeId, publicKey, name: nodeId, state: 'active', trust: 'paired' });
  const table = createNodeTable();
  const bus = createFakeBus();
  const told: unknown[] = [];
  const forgotten: string[] = [];
  const applyRevocations = async () => {
    if (!bus.isConnected()) throw new Problem('bus_unavailable', 'The bus is down.');
    told.push(register.revocations());
  };
  const control = createNodeControl({
    ...{ register, table, bus, applyRevocations, log },
    standingOf: () => ACTIVE,
    onForgotten: (nodeId) => forgotten.push(nodeId),
    now: () => 5_000,
  });
  return { store, register, open, know, table, bus, told, forgotten, control };
}

test('[P12] a revocation that the bus did not hear of is told when the bus is back', async (t) => {
  const { know, table, bus, told, control } = await start(t);
  await know('attic', 'U1');
  table.admit(admission('attic'));
  bus.setConnected(false);

  assert.equal((await control.revoke('attic')).connectionCut, false);
  assert.equal(table.get('attic'), undefined);
  bus.setConnected(true);
  await until(() => told.length > 0);
  assert.deepEqual(told, [{ U1: 5 }]);
  bus.setConnected(false);
  bus.setConnected(true);
  assert.equal(told.length, 1, 'and once is enough');
});

test('[P16] a forgotten node is known no more, over restarts, and its credentials are void', async (t) => {
  const { know, register, open, bus, told, forgotten, control } = await start(t);
  await know('attic', 'U1');
  await know('cellar', 'U2');
  bus.setConnected(false);
  const { node, connectionCut } = await control.forget('attic');
  assert.deepEqual([node.nodeId, connectionCut, forgotten], ['attic', false, ['attic']]);
  bus.setConnected(true);
  await until(() => told.length > 0);
  assert.deepEqual(told, [{ U1: 5 }]);
  const later = await open();
  for (const known of [register, later]) {
    assert.deepEqual(
      [known.get('attic'), known.list().length, known.after('', 1)[0]?.nodeId],
      [undefined, 1, 'cellar'],
    );
    assert.deepEqual([known.isKeyForgotten('U1'), known.isKeyForgotten('U2')], [true, false]);
    assert.deepEqual(known.revocations(), { U1: 5 });
  }
  await later.close();
  await assert.rejects(control.forget('attic'), isProblem('node_not_found', /attic/));
  await know('attic', 'U1');
  assert.deepEqual([register.get('attic')?.state, register.isKeyForgotten('U1')], ['active', false]);
  assert.deepEqual(register.revocations(), { U1: 5 }, 'what was void stays void');
});

test('[P16] a node with a session is not forgotten, and one that has come meanwhile loses it', async (t) => {
  const { know, register, table, forgotten, control } = await start(t);
  await know('attic', 'U1');
  table.admit(admission('attic'));
  await assert.rejects(control.forget('attic'), isProblem('node_connected', /Stop it or revoke it/));
  assert.deepEqual([register.get('attic')?.nodeId, forgotten], ['attic', []]);
  table.remove('attic', 'It has ended.');
  const over = control.forget('attic');
  table.admit(admission('attic'));
  await over;
  assert.equal(table.get('attic'), undefined);
});

test('[P16] forgetting the old name of a machine leaves its new one alone', async (t) => {
  const { know, register, control } = await start(t);
  await know('attic', 'U1');
  await know('loft', 'U1');
  await control.forget('attic');
  assert.deepEqual([register.revocations(), register.isKeyForgotten('U1')], [{}, false]);
  await control.forget('loft');
  assert.deepEqual([register.revocations(), register.isKeyForgotten('U1')], [{ U1: 5 }, true]);
});

test('[P16] forgetting a node that was revoked ends that its key is shut out for good', async (t) => {
  const { know, register, control } = await start(t);
  await know('attic', 'U1');
  await control.revoke('attic');
  assert.equal(register.isKeyRevoked('U1'), true);
  await control.forget('attic');
  assert.deepEqual([register.isKeyRevoked('U1'), register.isKeyForgotten('U1')], [false, true]);
  await know('attic', 'U1');
  assert.equal(register.get('attic')?.state, 'active');
});
