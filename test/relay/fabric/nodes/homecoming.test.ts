import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { watchHomecoming } from '../../../../relay/fabric/nodes/homecoming.ts';
import { createNodeTable } from '../../../../relay/fabric/nodes/node-table.ts';
import { LIMITS } from '../../../../shared/protocol/limits.ts';
import { createFakeBus } from '../../../support/bus/fake-bus.ts';
import { admission, documentFor } from '../../../support/nodes/live-nodes.ts';
import { settled } from '../../../support/pending-timers.ts';

/** As long as a node that holds its connection may take to be heard. */
const LONG_ENOUGH_MS = LIMITS.heartbeatIntervalMs + LIMITS.acceptTimeoutMs;

function watch(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const bus = createFakeBus();
  const table = createNodeTable();
  const homecoming = watchHomecoming({ bus, table });
  const over = t.mock.fn();
  homecoming.onOver(over);
  t.after(homecoming.stop);
  return { bus, table, homecoming, over, awaited: () => [...homecoming.awaited()] };
}

test('a node is awaited until it is here, and whoever is here is not', (t) => {
  const { table, homecoming, over, awaited } = watch(t);
  table.admit(admission('here'));
  homecoming.expect(['here', 'attic', 'cellar']);
  assert.deepEqual(awaited(), ['attic', 'cellar']);
  table.admit(admission('stranger'));
  table.admit(admission('attic'));
  assert.deepEqual(awaited(), ['cellar']);
  assert.equal(over.mock.callCount(), 0);
  table.admit(admission('cellar'));
  table.refresh('cellar', documentFor('cellar'));
  assert.deepEqual(awaited(), []);
  assert.equal(over.mock.callCount(), 1);
});

test('nobody is awaited longer than a node takes that is still connected', (t) => {
  const { homecoming, over, awaited } = watch(t);
  homecoming.expect(['gone for good']);
  t.mock.timers.tick(LONG_ENOUGH_MS - 1);
  assert.deepEqual(awaited(), ['gone for good']);
  t.mock.timers.tick(1);
  assert.deepEqual(awaited(), []);
  assert.equal(over.mock.callCount(), 1);
});

test('when the bus is back, those are awaited that were there or awaited as it went', (t) => {
  const { bus, table, homecoming, awaited } = watch(t);
  homecoming.expect(['cellar']);
  table.admit(admission('attic'));
  bus.onDown(() => table.remove('attic', 'The bus went down.'));
  bus.setConnected(false);
  t.mock.timers.tick(10 * LONG_ENOUGH_MS);
  assert.deepEqual(awaited(), [], 'there is nowhere to come back to');
  bus.setConnected(true);
  assert.deepEqual(awaited().sort(), ['attic', 'cellar']);
});

test('[T4] those who were there when the bus went are awaited for a moment, and from its return on as after any', (t) => {
  const { bus, table, over, awaited } = watch(t);
  table.admit(admission('attic'));
  bus.onDown(() => table.remove('attic', 'The bus went down.'));
  bus.setConnected(false);
  assert.deepEqual(awaited(), ['attic']);
  t.mock.timers.tick(4_999);
  assert.deepEqual(awaited(), ['attic']);
  bus.setConnected(true);
  t.mock.timers.tick(LONG_ENOUGH_MS - 1);
  assert.deepEqual([awaited(), over.mock.callCount()], [['attic'], 0]);
  table.admit(admission('attic'));
  assert.deepEqual([awaited(), over.mock.callCount()], [[], 1]);
  bus.setConnected(false);
  t.mock.timers.tick(5_000);
  assert.deepEqual([awaited(), over.mock.callCount()], [[], 2], 'nobody knows when it comes back');
});

test('a node that a bus takes away and that stays here, as one without a bus does, holds up nobody once that is back', async (t) => {
  const { bus, table, homecoming, over } = watch(t);
  table.admit(admission('miner'));
  bus.setConnected(false);
  const nothing = homecoming.find(async () => undefined);
  bus.setConnected(true);
  assert.equal(await nothing, undefined);
  assert.equal(over.mock.callCount(), 1);
});

test('who looks for something finds it with the first node that has it, or nothing once nobody is awaited', async (t) => {
  const { table, homecoming } = watch(t);
  const look = async () => table.get('cellar')?.id;
  assert.equal(await homecoming.find(look), undefined);
  homecoming.expect(['attic', 'cellar', 'gone for good']);
  const found = homecoming.find(look);
  const nothing = homecoming.find(async () => undefined);
  let isOver = false;
  void nothing.then(() => {
    isOver = true;
  });
  table.admit(admission('attic'));
  table.admit(admission('cellar'));
  assert.equal(await found, 'cellar');
  await settled();
  assert.equal(isOver, false);
  t.mock.timers.tick(LONG_ENOUGH_MS);
  assert.equal(await nothing, undefined);
});
