import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChurnNode } from '../support/nodes/churn-node.ts';
import { type ChurnWorld, createChurnWorld } from '../support/nodes/churn-world.ts';
import { seededRandom } from '../support/seeded-random.ts';

const NODES = 60;
const EVENTS = 10_000;
const EVENT_EVERY_MS = 50;
/** Some jobs wait for a slot, and no node is without work for long. */
const JOB_PER_EVENT = 0.6;
/** A lease, and the second in which it is looked at. */
const REST_MS = 90_000;

type Event = {
  name: 'join' | 'death' | 'freeze' | 'return';
  of: (node: ChurnNode) => boolean;
  happen(node: ChurnNode): void;
};

const EVENTS_OF_A_NODE: readonly Event[] = [
  { name: 'join', of: (node) => node.state() === 'gone', happen: (node) => node.start() },
  { name: 'death', of: (node) => node.state() !== 'gone', happen: (node) => node.die() },
  { name: 'freeze', of: (node) => node.state() === 'up', happen: (node) => node.freeze() },
  { name: 'return', of: (node) => node.state() === 'frozen', happen: (node) => node.thaw() },
];

test('10,000 joins, deaths, freezes and returns send no job to the dead and take no word of an epoch that is over', async (t) => {
  const seed = Number(process.env.SPAREWATT_TEST_SEED ?? 20_261_121);
  t.diagnostic(`SPAREWATT_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const world = createChurnWorld(t, NODES, random);
  const happened: Record<string, number> = {};
  let begun = 0;
  for (let events = 0; events < EVENTS; ) {
    const event = EVENTS_OF_A_NODE[Math.floor(random() * EVENTS_OF_A_NODE.length)] ?? assert.fail();
    const node = oneOf(world.nodes.filter(event.of), random);
    if (node !== undefined) {
      event.happen(node);
      events += 1;
      happened[event.name] = (happened[event.name] ?? 0) + 1;
    }
    if (random() < JOB_PER_EVENT) world.begin(begun++);
    await world.pass(Math.floor(random() * 2 * EVENT_EVERY_MS));
  }
  await comeToRest(world);
  t.diagnostic(JSON.stringify({ ...happened, begun, ...counts(world) }));

  assert.deepEqual(world.violations, []);
  assert.equal(world.running(), 0, 'every job has ended');
  assert.equal(world.scheduler.waiting(), 0);
  const own = world.records.filter(({ apiKeyId }) => apiKeyId === 'key_1');
  assert.equal(own.length, begun);
  assert.equal(new Set(world.records.map(({ id }) => id)).size, world.records.length, 'each is written down once');
  assert.deepEqual(
    world.table.live().filter(({ reserved }) => reserved !== 0),
    [],
    'no slot is lost',
  );
  assert.deepEqual(
    world.table
      .live()
      .map(({ id }) => id)
      .sort(),
    world.nodes
      .filter((node) => node.state() === 'up')
      .map(({ id }) => id)
      .sort(),
    'exactly those that are there count',
  );
  // Had none of these happened, the rest would say nothing.
  for (const [name, count] of Object.entries(counts(world))) assert.ok(count > 0, name);
});

function oneOf<Item>(items: readonly Item[], random: () => number): Item | undefined {
  return items[Math.floor(random() * items.length)];
}

async function comeToRest(world: ChurnWorld): Promise<void> {
  for (const node of world.nodes) if (node.state() === 'frozen') node.thaw();
  await world.pass(REST_MS);
}

function counts({ records, seen, jobs }: ChurnWorld): Record<string, number> {
  return {
    requests: seen.requests,
    succeeded: records.filter(({ state, apiKeyId }) => state === 'succeeded' && apiKeyId === 'key_1').length,
    moved: records.filter(({ state, attempts }) => state === 'succeeded' && attempts.length > 1).length,
    failed: records.filter(({ state }) => state === 'failed').length,
    reports: records.filter(({ apiKeyId }) => apiKeyId === 'operator').length,
    staleReports: seen.staleReports(),
    staleFrames: jobs.staleFrames(),
  };
}
