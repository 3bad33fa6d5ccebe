import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACTIVE } from '../../../relay/fabric/nodes/node-standing.ts';
import { createNodeTable, type LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import { COMPARED_MOST } from '../../../relay/scheduler/choose.ts';
import { readRouting } from '../../../relay/scheduler/routing.ts';
import { createScheduler, type Reservation, type Wanted } from '../../../relay/scheduler/scheduler.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { pretendedModel } from '../../support/models/pretended-model.ts';
import { admission } from '../../support/nodes/live-nodes.ts';

/** Lehmer's generator: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

function schedule({ seed = 1 } = {}) {
  const table = createNodeTable();
  const scheduler = createScheduler(table, { now: () => 0, random: seeded(seed) });
  const want = (changes: Partial<Wanted> = {}): Promise<Reservation> =>
    scheduler.reserve({
      model: 'm',
      exclude: new Set(),
      maxWaitMs: 0,
      signal: new AbortController().signal,
      ...changes,
    });
  return { table, scheduler, want };
}

const OUTCOME = { problem: null, firstTokenMs: 100, endMs: 1_000, inputTokens: 100, outputTokens: 10 };

test('[T3] a burst is spread evenly over equal nodes: by one at most in a small pool, by three in a large one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 6 }),
      fc.nat(),
      async (nodes, slots, seed) => {
        const { table, want } = schedule({ seed });
        for (let i = 0; i < nodes; i++) table.admit(admission(`n-${i}`, ['m'], { slots }));
        const jobs = fc.sample(fc.integer({ min: 1, max: nodes * slots }), { seed, numRuns: 1 })[0] ?? 1;
        for (let i = 0; i < jobs; i++) await want();
        const loads = table.live().map(({ reserved }) => reserved);
        assert.ok(Math.max(...loads) <= slots);
        assert.ok(Math.max(...loads) - Math.min(...loads) <= (nodes <= COMPARED_MOST ? 1 : 3), loads.join());
        assert.equal(
          loads.reduce((sum, load) => sum + load, 0),
          jobs,
        );
      },
    ),
    { seed: 32, numRuns: 60 },
  );
});

test('takes turns among nodes that are equally good', async () => {
  const { table, want } = schedule();
  for (const id of ['a', 'b', 'c']) table.admit(admission(id, ['m'], { slots: 4 }));
  const order: string[] = [];
  for (let i = 0; i < 6; i++) {
    const { node, release } = await want();
    order.push(node.id);
    release();
  }
  assert.deepEqual(order, ['a', 'b', 'c', 'a', 'b', 'c']);
});

test('prefers the node that did the model faster, and keeps away from one that fails', async () => {
  const { table, scheduler, want } = schedule();
  for (const id of ['slow', 'fast']) table.admit(admission(id, ['m'], { slots: 8 }));
  for (const [id, endMs] of [
    ['slow', 9_000],
    ['fast', 500],
  ] as const) {
    for (let i = 0; i < 10; i++) {
      const reservation = await want({ routing: readRouting({ node: id }) });
      reservation.release();
      scheduler.attemptEnded(reservation, { ...OUTCOME, endMs });
    }
  }
  assert.equal((await want()).node.id, 'fast');
  for (let i = 0; i < 20; i++) {
    const reservation = await want({ routing: readRouting({ node: 'fast' }) }).catch(() => undefined);
    if (reservation === undefined) break;
    reservation.release();
    scheduler.attemptEnded(reservation, { ...OUTCOME, problem: new Problem('node_fault', 'Broken.') });
  }
  const before = scheduler.measurements.ofNode('fast')?.failed;
  const busy = await want({ routing: readRouting({ node: 'slow' }) });
  busy.release();
  const notItsFault = [
    'node_busy',
    'policy_refused',
    'handed_back',
    'stale_epoch',
    'bus_unavailable',
    'cancelled',
  ] as const;
  for (const code of notItsFault) scheduler.attemptEnded(busy, { ...OUTCOME, problem: new Problem(code, 'So.') });
  assert.deepEqual([before, scheduler.measurements.ofNode('slow')?.failed], [20, 0]);
});

test('prefers a node that has the model loaded, also when few of many have', async () => {
  for (const nodes of [4, 200]) {
    const { table, want } = schedule();
    const cold = { ...pretendedModel('m'), state: 'installed' as const, size_bytes: 5_000_000_000 };
    for (let i = 0; i < nodes; i++) table.admit(admission(`cold-${i}`, [cold], { slots: 4 }));
    table.admit(admission('warm', ['m'], { slots: 4 }));
    assert.equal((await want()).node.id, 'warm');
  }
});

test('finds the few nodes that fulfil a wish among thousands, and says so when there is none', async () => {
  const { table, want } = schedule();
  for (let i = 0; i < 3_000; i++) table.admit(admission(`n-${i}`, ['m']));
  table.setStanding('n-1234', { ...ACTIVE, labels: { site: 'lab' } });
  const routing = readRouting({ require: { labels: { site: 'lab' } } });
  assert.equal((await want({ routing })).node.id, 'n-1234');
  await assert.rejects(want({ routing }), { code: 'no_capacity' });
});

test('looks at no more nodes for a choice among ten thousand than among a hundred', async () => {
  const looksAt = async (nodes: number): Promise<number> => {
    const { table, want } = schedule();
    let looks = 0;
    for (let i = 0; i < nodes; i++) {
      table.admit(admission(`n-${i}`, ['m'], { slots: 4 }));
      const node = table.get(`n-${i}`) as LiveNode;
      const { document } = node;
      Object.defineProperty(node, 'document', {
        get: () => {
          looks += 1;
          return document;
        },
      });
    }
    for (let i = 0; i < 20; i++) await want();
    return looks;
  };
  const [few, many] = [await looksAt(100), await looksAt(10_000)];
  assert.ok(many <= few * 1.5, `${many} looks instead of ${few}`);
});

const turn = (key: string, isLater: boolean) => ({ affinity: { key, isLater } });

test('a conversation goes on at the node it began on while that is not overloaded, in a pool of any size', async () => {
  for (const nodes of [2, 8, 500]) {
    const { table, want } = schedule();
    for (let i = 0; i < nodes; i++) table.admit(admission(`n-${i}`, ['m'], { slots: 4 }));
    const first = await want(turn('c', false));
    first.release();
    for (let i = 0; i < 10; i++) {
      const { node, release } = await want(turn('c', true));
      assert.equal(node.id, first.node.id);
      release();
      (await want()).release();
    }
    const held = [await want(turn('c', true)), await want(turn('c', true)), await want(turn('c', true))];
    assert.ok(held.every(({ node }) => node.id === first.node.id));
    assert.notEqual((await want(turn('c', true))).node.id, first.node.id, 'its node has hardly a slot left');
  }
});

test('jobs that only begin alike are spread, and a conversation whose node is gone goes on elsewhere', async () => {
  const { table, want } = schedule();
  for (const id of ['a', 'b']) table.admit(admission(id, ['m'], { slots: 4 }));
  const alike = [await want(turn('x', false)), await want(turn('x', false))];
  assert.deepEqual(
    alike.map(({ node }) => node.id),
    ['a', 'b'],
  );
  table.remove('b', 'unplugged');
  assert.equal((await want(turn('x', true))).node.id, 'a');
});
