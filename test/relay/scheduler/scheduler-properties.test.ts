import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACTIVE } from '../../../relay/fabric/nodes/node-standing.ts';
import { createNodeTable, type LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import { readRouting } from '../../../relay/scheduler/routing.ts';
import { createScheduler, type Reservation } from '../../../relay/scheduler/scheduler.ts';
import { admission, documentFor } from '../../support/nodes/live-nodes.ts';

type Wishes = { only?: string[]; ignore?: string[]; labels?: Record<string, string> };
type Step =
  | { do: 'admit'; node: number; models: string[]; slots: number }
  | { do: 'remove'; node: number }
  | { do: 'refresh'; node: number; models: string[] }
  | { do: 'resize'; node: number; slots: number }
  | { do: 'stand'; node: number; state: 'active' | 'cordoned' | 'draining'; labels: Record<string, string> }
  | { do: 'ask'; model: string; exclude: number[]; patient: boolean; wishes: Wishes }
  | { do: 'release'; which: number }
  | { do: 'abort'; which: number };

const NODES = 4;
const node = fc.nat(NODES - 1);
const model = fc.constantFrom('m', 'n');
const models = fc.subarray(['m', 'n'], { minLength: 1 });
const slots = fc.nat(3);
const labels = fc.constantFrom({}, { site: 'lab' });
const names = fc.uniqueArray(
  node.map((n) => `node-${n}`),
  { minLength: 1, maxLength: 2 },
);
const wishes: fc.Arbitrary<Wishes> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ only: names }) },
  { weight: 1, arbitrary: fc.record({ ignore: names }) },
  { weight: 1, arbitrary: fc.constant({ labels: { site: 'lab' } }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('admit' as const), node, models, slots }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refresh' as const), node, models }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resize' as const), node, slots }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('stand' as const),
      node,
      state: fc.constantFrom('active' as const, 'cordoned' as const, 'draining' as const),
      labels,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      model,
      exclude: fc.uniqueArray(node, { maxLength: 2 }),
      patient: fc.boolean(),
      wishes,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), which: fc.nat(30) }) },
);

type Job = {
  order: number;
  model: string;
  exclude: ReadonlySet<string>;
  wishes: Wishes;
  caller: AbortController;
  settled: number;
  state: 'waiting' | 'running' | 'refused' | 'released';
  reservation?: Reservation;
};

/** The real table and scheduler, and beside them what must be true of them. */
function createWorld() {
  const table = createNodeTable();
  const scheduler = createScheduler(table);
  const jobs: Job[] = [];
  const everAlive: LiveNode[] = [];
  const gone = new Set<LiveNode>();
  const faults: string[] = [];
  table.listen({ onGone: (left) => void gone.add(left) });

  const couldUse = ({ model, exclude, wishes }: Job, at: LiveNode): boolean =>
    at.standing.state === 'active' &&
    !exclude.has(at.id) &&
    (wishes.only?.includes(at.id) ?? true) &&
    !(wishes.ignore?.includes(at.id) ?? false) &&
    Object.entries(wishes.labels ?? {}).every(([name, value]) => at.standing.labels[name] === value) &&
    table.serving(model).has(at);
  const onReserved = (job: Job, reservation: Reservation): void => {
    const { node: at } = reservation;
    Object.assign(job, { settled: job.settled + 1, state: 'running', reservation });
    if (gone.has(at)) faults.push('a slot of a node that is gone was given');
    if (!couldUse(job, at)) faults.push('a node was given that may not take the job');
    const passedOver = jobs.some(
      (other) => other.order < job.order && other.state === 'waiting' && couldUse(other, at),
    );
    if (passedOver) faults.push('an earlier job could have used this slot');
  };
  const ask = ({ model, exclude, patient, wishes }: Extract<Step, { do: 'ask' }>): void => {
    const ids = new Set(exclude.map((n) => `node-${n}`));
    const caller = new AbortController();
    const job: Job = { order: jobs.length, model, exclude: ids, wishes, caller, settled: 0, state: 'waiting' };
    jobs.push(job);
    const { only, ignore, labels } = wishes;
    const routing = readRouting({ only: only ?? null, ignore: ignore ?? null, require: { labels: labels ?? null } });
    const maxWaitMs = patient ? 60_000 : 0;
    scheduler.reserve({ model, exclude: ids, routing, maxWaitMs, signal: caller.signal }).then(
      (reservation) => onReserved(job, reservation),
      () => Object.assign(job, { settled: job.settled + 1, state: 'refused' }),
    );
  };
  const pick = (state: Job['state'], which: number): Job | undefined => {
    const candidates = jobs.filter((job) => job.state === state);
    return candidates[which % Math.max(1, candidates.length)];
  };
  const release = (job: Job | undefined): void => {
    if (job === undefined) return;
    job.state = 'released';
    job.reservation?.release();
    job.reservation?.release();
  };
  const admit = ({ node: n, models: served, slots: total }: Extract<Step, { do: 'admit' }>): void => {
    const epoch = everAlive.length + 1;
    table.admit(admission(`node-${n}`, served, { slots: total, epoch }));
    everAlive.push(table.get(`node-${n}`) as LiveNode);
  };
  const perform = (next: Step): void => {
    if (next.do === 'ask') ask(next);
    else if (next.do === 'release') release(pick('running', next.which));
    else if (next.do === 'abort') pick('waiting', next.which)?.caller.abort(new Error('aborted'));
    else change(next);
  };
  const change = (next: Extract<Step, { node: number }>): void => {
    const id = `node-${next.node}`;
    if (next.do === 'admit') admit(next);
    else if (next.do === 'remove') table.remove(id, 'removed');
    else if (next.do === 'refresh') table.refresh(id, documentFor(id, next.models));
    else if (next.do === 'stand') table.setStanding(id, { ...ACTIVE, state: next.state, labels: next.labels });
    else table.heard(id, 0, next.slots);
  };
  const check = (sizesShrank: boolean): void => {
    assert.deepEqual(faults, []);
    for (const alive of table.live()) {
      const held = jobs.filter(({ state, reservation }) => state === 'running' && reservation?.node === alive).length;
      assert.equal(alive.reserved, held, 'the count of a node is not what runs on it');
      if (!sizesShrank) assert.ok(alive.reserved <= alive.slots, 'more jobs than slots');
    }
    for (const job of jobs) assert.ok(job.settled <= 1, 'a job was settled twice');
    const waiting = jobs.filter(({ state }) => state === 'waiting');
    assert.equal(scheduler.waiting(), waiting.length);
    for (const job of waiting) {
      const free = [...table.serving(job.model)].find((at) => at.reserved < at.slots && couldUse(job, at));
      assert.equal(free?.id, undefined, 'a job waits although a slot it could use is free');
    }
  };
  return { scheduler, jobs, everAlive, perform, check };
}

test('never gives more slots than there are, serves in order and forgets nothing, whatever happens in which order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), async (steps) => {
      const world = createWorld();
      let sizesShrank = false;
      for (const next of steps) {
        sizesShrank ||= next.do === 'resize';
        world.perform(next);
        // Promises settle in microtasks; nothing else runs in between.
        await new Promise((resolve) => setImmediate(resolve));
        world.check(sizesShrank);
      }
      for (const job of world.jobs) job.caller.abort(new Error('the end'));
      for (const job of world.jobs) job.reservation?.release();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(world.scheduler.waiting(), 0);
      assert.ok(
        world.jobs.every(({ settled }) => settled === 1),
        'a job was never settled',
      );
      for (const once of world.everAlive) assert.equal(once.reserved, 0, 'a slot was never given back');
    }),
    { seed: 20, numRuns: 400 },
  );
});
