import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createNodeTable } from '../../../../relay/fabric/nodes/node-table.ts';
import { keepTimingNodes, TICKS_PER_ROUND } from '../../../../relay/fabric/nodes/round-trips.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { afterTest } from '../../../support/after-test.ts';
import { createFakeBus } from '../../../support/bus/fake-bus.ts';
import { admission } from '../../../support/nodes/live-nodes.ts';

function setUp(t: TestContext, nodes: number) {
  const table = createNodeTable();
  const bus = createFakeBus();
  const clock = { now: 0 };
  const roundTrips = keepTimingNodes({ bus, table, clock: () => clock.now });
  afterTest(t, () => roundTrips.stop());
  for (let i = 0; i < nodes; i += 1) table.admit(admission(`n${i}`, [], { roundTripMs: 40 }));
  const round = (): void => {
    for (let tick = 0; tick < TICKS_PER_ROUND; tick += 1) roundTrips.timeSome();
  };
  let taken = 0;
  const next = () => {
    taken += 1;
    return bus.requests.next();
  };
  /** Questions that nobody has looked at yet. */
  const waiting = () => bus.requests.all.length - taken;
  return { table, next, waiting, clock, roundTrips, round };
}

test('[S11] every node is timed once in a round, a few at a time', async (t) => {
  const { next, waiting, roundTrips, round } = setUp(t, 130);
  roundTrips.timeSome();
  const asked = new Set<string>();
  for (let i = 0; i < 3; i += 1) asked.add((await next()).subject);
  assert.equal(waiting(), 0, 'three in the first of sixty parts');
  for (let tick = 1; tick < TICKS_PER_ROUND; tick += 1) roundTrips.timeSome();
  for (let i = 3; i < 130; i += 1) asked.add((await next()).subject);
  assert.deepEqual([asked.size, waiting()], [130, 0]);
  round();
  assert.equal(waiting(), 130, 'and again in the next round');
});

test('[S11] a quicker answer counts at once, slower ones bit by bit, and none changes nothing', async (t) => {
  const { table, next, clock, round } = setUp(t, 1);
  const answerAfter = async (ms: number): Promise<number | null | undefined> => {
    round();
    const { answer } = await next();
    clock.now += ms;
    answer(new Uint8Array());
    await new Promise((resolve) => setImmediate(resolve));
    return table.get('n0')?.roundTripMs;
  };
  assert.equal(await answerAfter(10), 10);
  assert.equal(await answerAfter(50), 20);
  assert.equal(await answerAfter(50), 27.5);
  for (let i = 0; i < 20; i += 1) await answerAfter(50);
  assert.ok(Math.abs((await answerAfter(50)) ?? 0) > 49);
  round();
  (await next()).fail(new Problem('node_lost', 'It does not answer.'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok((table.get('n0')?.roundTripMs ?? 0) > 49);
});

test('[S11] an answer of an earlier session counts for nobody, and a node that is gone is not asked', async (t) => {
  const { table, next, waiting, clock, round } = setUp(t, 1);
  round();
  const { answer } = await next();
  table.admit(admission('n0', [], { epoch: 2, roundTripMs: 40 }));
  clock.now += 1;
  answer(new Uint8Array());
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(table.get('n0')?.roundTripMs, 40);
  table.remove('n0', 'test');
  round();
  assert.equal(waiting(), 0);
});
