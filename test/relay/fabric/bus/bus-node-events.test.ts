import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ownedBus } from '../../../../relay/fabric/bus/bus-address.ts';
import { openBusConnection } from '../../../../relay/fabric/bus/bus-connection.ts';
import { listenForNodeEvents } from '../../../../relay/fabric/bus/bus-node-events.ts';
import { createNKey } from '../../../../relay/fabric/bus/nkey.ts';
import { startTestNats } from '../../../support/bus/nats.ts';
import { createInbox } from '../../../support/inbox.ts';

/** The events of a real server, where the test says when all was heard. */
async function listen(t: TestContext) {
  const nats = await startTestNats(t);
  const { system } = ownedBus(nats.server.url, nats.identity);
  assert.ok(system !== undefined);
  const connection = await openBusConnection(system.address, 'test-system', nats.log);
  t.after(() => connection.connection.close());
  const asked = createInbox<() => void>();
  const heardAll = (): Promise<void> => new Promise((resolve) => asked.push(resolve));
  const events = listenForNodeEvents(connection, { ...system, heardAll }, nats.log);
  const told = createInbox<string>();
  events.onConnect(() => told.push('came'));
  events.onDisconnect(() => told.push('gone'));
  await connection.connection.flush();
  return { nats, asked, told };
}

test('that a node has gone is told when all that it said was heard', async (t) => {
  const { nats, asked, told } = await listen(t);
  const node = await nats.connectNode('attic-a');
  assert.equal(await told.next(), 'came');
  await node.close();
  const heard = await asked.next();
  assert.deepEqual(told.all, ['came']);
  heard();
  assert.equal(await told.next(), 'gone');
});

test('a node that is back before all was heard has gone first, and is not gone again', async (t) => {
  const { nats, asked, told } = await listen(t);
  const key = createNKey('user');
  const first = await nats.connectNode('attic-a', { key });
  assert.equal(await told.next(), 'came');
  await first.close();
  const heard = await asked.next();
  const second = await nats.connectNode('attic-a', { key });
  assert.deepEqual([await told.next(), await told.next()], ['gone', 'came']);
  heard();
  await second.close();
  const heardAgain = await asked.next();
  assert.deepEqual(told.all, ['came', 'gone', 'came']);
  heardAgain();
  assert.equal(await told.next(), 'gone');
});
