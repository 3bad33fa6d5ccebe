import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasFreeSlot, isOpenToJobs } from '../../../../relay/fabric/nodes/free-nodes.ts';
import { ACTIVE } from '../../../../relay/fabric/nodes/node-standing.ts';
import { createNodeTable, type LiveNode } from '../../../../relay/fabric/nodes/node-table.ts';
import { LIMITS } from '../../../../shared/protocol/limits.ts';
import { admission, documentFor } from '../../../support/nodes/live-nodes.ts';

/** Whoever hears of a change finds the lists and the index of free nodes as they are to be, so that nobody who left is reserved. */
function tableWithEvents() {
  const table = createNodeTable();
  const events: string[] = [];
  const assertTrue = (): void => {
    for (const model of ['m', 'n', 'o']) {
      const serving = table.live().filter(({ document }) => document.served_models.some(({ name }) => name === model));
      const free = serving.filter((node) => isOpenToJobs(node) && hasFreeSlot(node));
      assert.deepEqual(new Set(table.serving(model)), new Set(serving));
      const { warm, cold, probation } = table.free(model) ?? {};
      const listed = [warm, cold, probation].flatMap((set) => set?.nodes ?? []);
      assert.deepEqual(listed.map(({ id }) => id).sort(), free.map(({ id }) => id).sort());
    }
  };
  table.listen({
    onCapacity: () => {
      assertTrue();
      events.push('capacity');
    },
    onGone: (node, reason) => {
      assert.notEqual(table.get(node.id), node);
      assertTrue();
      events.push(`gone ${node.id}@${node.epoch}: ${reason}`);
    },
  });
  return { table, events, assertTrue };
}

test('lists a node by its id and by its models while its session is open, and nowhere after', () => {
  const { table, events } = tableWithEvents();
  table.admit(admission('a', ['m', 'n']));
  table.admit(admission('b', ['n']));
  assert.deepEqual(
    table.live().map(({ id }) => id),
    ['a', 'b'],
  );
  assert.deepEqual(
    [...table.serving('n')].map(({ id }) => id),
    ['a', 'b'],
  );
  assert.deepEqual([...table.models().keys()], ['m', 'n']);
  table.remove('a', 'unplugged');
  table.remove('a', 'twice');
  assert.deepEqual([...table.serving('m')], []);
  assert.deepEqual([...table.models().keys()], ['n']);
  assert.deepEqual(
    events.filter((event) => event !== 'capacity'),
    ['gone a@1: unplugged'],
  );
});

test('a new session takes the place of the old one, which is gone', () => {
  const { table, events } = tableWithEvents();
  table.admit(admission('a', ['m'], { epoch: 1 }));
  const old = table.get('a') as LiveNode;
  const release = table.reserve(old);
  table.admit(admission('a', ['n'], { epoch: 2 }));
  assert.deepEqual(events, ['capacity', 'gone a@1: The node opened a new session.', 'capacity']);
  assert.equal(table.get('a')?.epoch, 2);
  assert.equal(table.get('a')?.reserved, 0);
  assert.deepEqual([...table.serving('m')], []);
  release();
  assert.equal(table.get('a')?.reserved, 0, 'an attempt of the old session holds nothing of the new one');
});

test('a slot is given back once, however often that is said', () => {
  const { table, events } = tableWithEvents();
  table.admit(admission('a', ['m']));
  const node = table.get('a') as LiveNode;
  const [first, second] = [table.reserve(node), table.reserve(node)];
  assert.equal(node.reserved, 2);
  events.length = 0;
  first();
  first();
  assert.equal(node.reserved, 1);
  second();
  assert.equal(node.reserved, 0);
  assert.deepEqual(events, ['capacity', 'capacity']);
});

test('a new document changes which models a node is found by', () => {
  const { table } = tableWithEvents();
  table.admit(admission('a', ['m', 'n']));
  table.refresh('a', documentFor('a', ['n', 'o']));
  assert.deepEqual([...table.models().keys()], ['n', 'o']);
  assert.deepEqual([...table.serving('m')], []);
  table.refresh('unknown', documentFor('unknown', ['ghost']));
  assert.deepEqual([...table.serving('ghost')], []);
});

test('tells of capacity when slots are added, and not when they are taken away or the same', () => {
  const { table, events, assertTrue } = tableWithEvents();
  table.admit(admission('a', ['m'], { slots: 2 }));
  table.reserve(table.get('a') as LiveNode);
  events.length = 0;
  table.heard('a', 1, 2);
  table.heard('a', 2, 1);
  assert.deepEqual(events, []);
  assertTrue();
  table.heard('a', 3, 4);
  assert.deepEqual(events, ['capacity']);
  table.heard('unknown', 4, 9);
  assert.equal(table.get('a')?.slots, 4);
});

test('[S5] removes every node whose lease ran out, and no other', () => {
  const { table, events } = tableWithEvents();
  for (const id of ['a', 'b', 'c', 'd']) table.admit(admission(id, ['m'], { heardAt: 0 }));
  table.heard('b', 1, 1);
  table.heard('d', LIMITS.leaseMs, 1);
  table.expire(LIMITS.leaseMs);
  assert.equal(table.live().length, 4);
  table.expire(LIMITS.leaseMs + 1);
  assert.deepEqual(
    table.live().map(({ id }) => id),
    ['b', 'd'],
  );
  assert.equal(events.filter((event) => event.startsWith('gone')).length, 2);
});

test('[T7] lists a free node on probation apart from the others, and among them once it is approved', () => {
  const standing = { ...ACTIVE, trust: 'probation' } as const;
  const table = createNodeTable((id) => (id === 'stranger' ? standing : ACTIVE));
  table.admit(admission('known', ['m'], { slots: 2 }));
  table.admit(admission('stranger', ['m'], { slots: 2 }));
  const ids = (set: 'warm' | 'probation') => table.free('m')?.[set].nodes.map(({ id }) => id);
  assert.deepEqual([ids('warm'), ids('probation')], [['known'], ['stranger']]);
  const stranger = table.get('stranger');
  assert.ok(stranger !== undefined);
  const release = table.reserve(stranger);
  assert.deepEqual(ids('probation'), [], 'one job is all it gets');
  release();
  table.setStanding('stranger', { ...ACTIVE, trust: 'approved' });
  assert.deepEqual([ids('warm'), ids('probation')], [['known', 'stranger'], []]);
});
