import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import { createNodeTable } from '../../../relay/fabric/nodes/node-table.ts';
import { createMinerFloor, type MinerFloorPorts } from '../../../relay/miners/miner-floor.ts';
import type { MinerRoll } from '../../../relay/miners/miner-roll.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { CapabilityDocument, ServedModel } from '../../../shared/protocol/capabilities.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { createFakeBus } from '../../support/bus/fake-bus.ts';
import { silentLog } from '../../support/pool.ts';

const TERMS = { slots: 1, document: { served_models: [{ name: 'm', type: 'llm' as const }] } };
const still = new AbortController().signal;
const LEASE_S = LIMITS.leaseMs / 1_000;

function makeFloor(t: TestContext) {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const clock = { now: 0 };
  const bus = createFakeBus();
  const table = createNodeTable();
  const known = { state: 'active' };
  const floor = createMinerFloor({
    ...{ bus, table, now: () => clock.now, log: silentLog },
    register: { get: () => known as ReturnType<MinerFloorPorts['register']['get']> },
    roll: { termsOf: () => TERMS } as unknown as MinerRoll,
  });
  t.after(() => {
    floor.close();
    mock.timers.reset();
  });
  const pass = (seconds: number): void => {
    for (let second = 0; second < seconds; second++) {
      clock.now += 1_000;
      mock.timers.tick(1_000);
    }
  };
  return { floor, bus, table, known, clock, pass };
}

test('[M4] a miner keeps its session as long as it asks something within each lease', async (t) => {
  const { floor, pass } = makeFloor(t);
  const session = await floor.heard('m');
  for (let i = 0; i < 3; i++) {
    pass(LEASE_S);
    assert.equal(await floor.heard('m'), session);
  }
  pass(LEASE_S + 1);
  assert.equal(floor.find('m'), undefined);
  assert.notEqual(await floor.heard('m'), session);
});

test('[M4] a relay that slept has heard no miner, and gives each a lease to ask something', async (t) => {
  const { floor, clock, pass } = makeFloor(t);
  const session = await floor.heard('m');
  clock.now += 8 * 60 * 60_000;
  pass(LEASE_S);
  assert.equal(floor.find('m'), session);
  pass(2);
  assert.equal(floor.find('m'), undefined);
});

test('[M4] a poll that is held is no sign of life, and ends with the session', async (t) => {
  const { floor, pass } = makeFloor(t);
  const session = await floor.heard('m');
  const held = session?.desk.poll(30_000, still);
  pass(LEASE_S + 1);
  assert.equal(await held, undefined);
  assert.equal(floor.find('m'), undefined);
});

test('[M5] a miner that was away is asked again when it polls, not when it says that it lives', async (t) => {
  const { floor, bus } = makeFloor(t);
  const session = await floor.heard('m');
  session?.setAway(true);
  const beats = bus.published.length;
  await floor.heard('m');
  floor.expect('m', { job: 'j', attempt: 1, epoch: 1 });
  assert.equal(bus.published.length, beats);
  session?.setAway(false);
  assert.equal(bus.published.length, beats + 1);
});

test('miners leave with the bus, and wait outside until it is back', async (t) => {
  const { floor, bus } = makeFloor(t);
  await floor.heard('m');
  bus.setConnected(false);
  assert.equal(floor.find('m'), undefined);
  await assert.rejects(floor.heard('m'), (error) => error instanceof Problem && error.code === 'bus_unavailable');
  bus.setConnected(true);
  assert.ok(await floor.heard('m'));
});

test('[M11] a session that the table lost to a revocation ends, and a new epoch of the same does not end it', async (t) => {
  const { floor, table, known } = makeFloor(t);
  const session = await floor.heard('m');
  assert.ok(session);
  const admit = (epoch: number): void => {
    const document = { served_models: [] as ServedModel[] } as CapabilityDocument;
    const node = { id: 'm', publicKey: 'U', instance: session.instance, slots: 1, heardAt: 0 };
    table.admit({ ...node, epoch, document });
  };
  admit(1);
  admit(2);
  assert.equal(floor.find('m'), session);
  const held = session.desk.poll(30_000, still);
  known.state = 'revoked';
  table.remove('m', 'The node was revoked.');
  assert.equal(floor.find('m'), undefined);
  assert.equal(await held, undefined);
});

test('two requests at once open one session', async (t) => {
  const { floor } = makeFloor(t);
  const [first, second] = await Promise.all([floor.heard('m'), floor.heard('m')]);
  assert.equal(first, second);
});

test('a miner without a job drains at once, and is not let in again by a mere request', async (t) => {
  const { floor } = makeFloor(t);
  await floor.heard('m');
  assert.deepEqual(floor.drain('m'), { state: 'drained', running: 0 });
  assert.equal(await floor.heard('m'), undefined);
  assert.throws(() => floor.expect('m', { job: 'j', attempt: 1, epoch: 1 }), { code: 'stale_epoch' });
  assert.equal(floor.lateWords(), 1);
  floor.leave('m', 'It registered anew.');
  assert.ok(await floor.heard('m'));
});
