import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openNodeAdmin } from '../../../../relay/fabric/nodes/node-admin.ts';
import { openNodeRegister } from '../../../../relay/pairing/node-register.ts';
import { collectLog } from '../../../support/log.ts';
import { isProblem } from '../../../support/problems.ts';
import { makeSqlitePlace } from '../../store/sqlite/sqlite-place.ts';

async function openAdmin(t: TestContext) {
  const place = await makeSqlitePlace(t);
  let time = 100;
  const now = () => time;
  const open = async () => {
    const store = await place.open();
    const register = await openNodeRegister({ store: store.pairing, log: collectLog(), now });
    const admin = await openNodeAdmin({ store: store.nodeAdmin, register, now });
    return { store, register, admin };
  };
  const opened = await open();
  await opened.register.admit({
    nodeId: 'attic-1',
    publicKey: 'U1',
    name: 'attic',
    firstSeenAt: 1,
    state: 'active',
    trust: 'probation',
    labels: { room: 'attic' },
    pairedAt: null,
    lastSeenAt: null,
    revokedAt: null,
  });
  return {
    ...opened,
    reopen: async () => {
      await opened.register.close();
      await opened.store.close();
      return (await open()).admin;
    },
    setTime: (to: number) => {
      time = to;
    },
  };
}

test('[T2] what was decided about a node outlasts a restart of the relay', async (t) => {
  const { admin, reopen } = await openAdmin(t);
  await admin.drain('attic-1', 'moving');
  await admin.label('attic-1', { site: 'lab' });
  const again = await reopen();
  assert.deepEqual(again.standingOf('attic-1'), {
    state: 'draining',
    reason: 'moving',
    since: 100,
    labels: { room: 'attic', site: 'lab' },
    trust: 'probation',
  });
});

test('tells listeners after each change, and keeps the time of a decision that is said again', async (t) => {
  const { admin, setTime } = await openAdmin(t);
  const told: string[] = [];
  admin.onChange((id, { state, since, labels }) => told.push(`${id} ${state} ${since} ${Object.keys(labels).join()}`));
  await admin.cordon('attic-1', 'dusty');
  setTime(200);
  await admin.cordon('attic-1', 'very dusty');
  await admin.label('attic-1', { room: null });
  await admin.uncordon('attic-1');
  assert.deepEqual(told, [
    'attic-1 cordoned 100 room',
    'attic-1 cordoned 100 room',
    'attic-1 cordoned 100 ',
    'attic-1 active 200 ',
  ]);
  assert.equal(admin.standingOf('attic-1').reason, null);
});

test('decides nothing about a node that nobody knows, and trusts it least', async (t) => {
  const { admin } = await openAdmin(t);
  for (const change of [admin.cordon('x', null), admin.drain('x', null), admin.uncordon('x'), admin.label('x', {})]) {
    await assert.rejects(change, isProblem('node_not_found', /knows no node "x"/));
  }
  assert.deepEqual([admin.standingOf('x').state, admin.standingOf('x').trust], ['active', 'probation']);
});
