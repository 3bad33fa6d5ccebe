import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { watchHomecoming } from '../../../relay/fabric/nodes/homecoming.ts';
import { ACTIVE } from '../../../relay/fabric/nodes/node-standing.ts';
import { createNodeTable, type LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import { ANY_ROUTE } from '../../../relay/scheduler/routing.ts';
import { createScheduler, type Reservation, type Wanted } from '../../../relay/scheduler/scheduler.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { createFakeBus } from '../../support/bus/fake-bus.ts';
import { admission, documentFor } from '../../support/nodes/live-nodes.ts';
import { isProblem } from '../../support/problems.ts';

function schedule() {
  const table = createNodeTable();
  const homecoming = watchHomecoming({ bus: createFakeBus(), table });
  const scheduler = createScheduler(table, { homecoming });
  const want = (changes: Partial<Wanted> = {}): Promise<Reservation> =>
    scheduler.reserve({
      model: 'm',
      exclude: new Set(),
      maxWaitMs: 10_000,
      signal: new AbortController().signal,
      ...changes,
    });
  return { table, homecoming, scheduler, want };
}

/** What a promise has come to so far. */
async function outcomeOf(promise: Promise<Reservation>): Promise<string> {
  const waiting = new Promise<string>((resolve) => setImmediate(resolve, 'waiting'));
  return Promise.race([
    promise.then(
      ({ node }) => node.id,
      (error: Problem) => error.code,
    ),
    waiting,
  ]);
}

function mockTime(t: TestContext): void {
  t.mock.timers.enable({ apis: ['setTimeout'] });
}

test('gives a job to the node with the smallest part of its slots in use', async () => {
  const { table, want } = schedule();
  table.admit(admission('small', ['m'], { slots: 2 }));
  table.admit(admission('large', ['m'], { slots: 8 }));
  table.reserve(table.get('small') as LiveNode);
  table.reserve(table.get('large') as LiveNode);
  assert.equal((await want()).node.id, 'large');
  assert.equal((await want({ exclude: new Set(['large']) })).node.id, 'small');
});

test('asks no node that does not serve the model, has no slots or has failed the job', async () => {
  const { table, want } = schedule();
  table.admit(admission('other', ['n']));
  table.admit(admission('none', ['m'], { slots: 0 }));
  table.admit(admission('failed', ['m']));
  assert.equal(await outcomeOf(want({ exclude: new Set(['failed']), maxWaitMs: 0 })), 'no_capacity');
});

test('says at once that no node can run a model, and says so after the wait when nodes stay full', async (t) => {
  mockTime(t);
  const { table, scheduler, want } = schedule();
  await assert.rejects(want(), isProblem('no_capacity', /m now.*Try again/));
  table.admit(admission('a', ['m']));
  await want();
  const waiting = want({ maxWaitMs: 5_000 });
  t.mock.timers.tick(4_999);
  assert.equal(await outcomeOf(waiting), 'waiting');
  t.mock.timers.tick(1);
  await assert.rejects(waiting, (error: Problem) => error.code === 'no_capacity' && (error.retryAfterMs ?? 0) > 0);
  assert.equal(scheduler.waiting(), 0);
});

test('[T4] a job that no node here may take waits for one that is expected back, and no longer than for that', async (t) => {
  mockTime(t);
  const { table, homecoming, scheduler, want } = schedule();
  table.admit(admission('other', ['n']));
  homecoming.expect(['attic-aaaaaaaaaa', 'cellar-aaaaaaaaaa']);
  const [first, second] = [want(), want()];
  const unserved = want({ model: 'nobody has it' });
  for (const hopeless of [
    { maxWaitMs: 0 },
    { exclude: new Set(['attic-aaaaaaaaaa', 'cellar-aaaaaaaaaa']) },
    { routing: { ...ANY_ROUTE, only: new Set(['other']) } },
    { routing: { ...ANY_ROUTE, ignore: new Set(['attic', 'cellar-aaaaaaaaaa']) } },
  ]) {
    assert.equal(await outcomeOf(want(hopeless)), 'no_capacity', JSON.stringify(hopeless));
  }
  const named = want({ routing: { ...ANY_ROUTE, only: new Set(['cellar']) } });
  table.admit(admission('attic-aaaaaaaaaa', ['m']));
  assert.equal(await outcomeOf(first), 'attic-aaaaaaaaaa');
  assert.deepEqual(await Promise.all([second, unserved, named].map(outcomeOf)), ['waiting', 'waiting', 'waiting']);
  table.admit(admission('cellar-aaaaaaaaaa', ['n']));
  assert.equal(await outcomeOf(second), 'waiting', 'the node that is here will be free again');
  assert.equal(await outcomeOf(unserved), 'no_capacity');
  assert.equal(await outcomeOf(named), 'no_capacity');
  assert.equal(scheduler.waiting(), 1);
});

test('[T4] [MO5] who has said how long to wait waits for a node that is not here, as while it starts anew', async (t) => {
  mockTime(t);
  const { table, want } = schedule();
  const patient = { maxWaitMs: 5_000, waitsForNodes: true };
  const first = want(patient);
  const unnamed = want();
  assert.deepEqual(await Promise.all([first, unnamed].map(outcomeOf)), ['waiting', 'no_capacity']);
  table.admit(admission('attic', ['m']));
  const running = await first;
  assert.equal(running.node.id, 'attic');
  const [queued, named] = [want(patient), want({ ...patient, routing: { ...ANY_ROUTE, only: new Set(['cellar']) } })];
  table.remove('attic', 'it starts anew');
  running.release();
  assert.deepEqual(await Promise.all([queued, named].map(outcomeOf)), ['waiting', 'waiting']);
  const failed = want({ ...patient, exclude: new Set(['attic']) });
  assert.equal(await outcomeOf(failed), 'no_capacity', 'who has failed the job does not get it again');
  table.admit(admission('attic', ['m']));
  assert.deepEqual(await Promise.all([queued, named].map(outcomeOf)), ['attic', 'waiting']);
  table.heard('attic', 0, 0);
  assert.equal(await outcomeOf(want(patient)), 'no_capacity', 'a node that is here and closed by its owner says no');
  t.mock.timers.tick(5_000);
  assert.equal(await outcomeOf(named), 'no_capacity');
});

test('[T4] who has said how long to wait waits for a node that its operator has closed, and not where it would not take the job', async (t) => {
  mockTime(t);
  const { table, scheduler, want } = schedule();
  const patient = { maxWaitMs: 5_000, waitsForNodes: true };
  for (const state of ['cordoned', 'draining'] as const) {
    table.admit(admission('attic', ['m'], { slots: 3 }));
    const before = want(patient);
    (await before).release();
    table.setStanding('attic', { ...ACTIVE, state });
    const [waiting, unnamed] = [want(patient), want()];
    assert.deepEqual(await Promise.all([waiting, unnamed].map(outcomeOf)), ['waiting', 'no_capacity'], state);
    const { signal } = new AbortController();
    const wanted = { model: 'm', exclude: new Set<string>(), signal };
    assert.equal(scheduler.explain({ ...wanted, ...patient }).would_wait, true);
    assert.equal(scheduler.explain({ ...wanted, maxWaitMs: 5_000 }).would_wait, false);
    t.mock.timers.tick(1_000);
    assert.equal(await outcomeOf(waiting), 'waiting', 'nothing that closes ends the wait before its time');
    for (const hopeless of [
      { exclude: new Set(['attic']) },
      { routing: { ...ANY_ROUTE, capabilities: ['none_has_it'] } },
      { model: 'other', waitsForNodes: false },
    ])
      assert.equal(await outcomeOf(want({ ...patient, ...hopeless })), 'no_capacity', JSON.stringify(hopeless));
    table.setStanding('attic', ACTIVE);
    assert.equal(await outcomeOf(waiting), 'attic');
  }
  table.setStanding('attic', { ...ACTIVE, state: 'cordoned' });
  const [late, closed] = [want(patient), want(patient)];
  t.mock.timers.tick(5_000);
  assert.deepEqual(await Promise.all([late, closed].map(outcomeOf)), ['no_capacity', 'no_capacity']);
  const waiting = want(patient);
  table.heard('attic', 0, 0);
  t.mock.timers.tick(1_000);
  assert.equal(await outcomeOf(waiting), 'no_capacity', 'its owner has closed it, too');
  assert.equal(scheduler.waiting(), 0);
});

test('serves waiting jobs in the order in which they came', async () => {
  const { table, scheduler, want } = schedule();
  table.admit(admission('a', ['m']));
  const running = await want();
  const order: number[] = [];
  const waiting = [1, 2, 3].map((n) =>
    want().then((reservation) => {
      order.push(n);
      return reservation;
    }),
  );
  assert.equal(scheduler.waiting(), 3);
  running.release();
  (await (waiting[0] as Promise<Reservation>)).release();
  (await (waiting[1] as Promise<Reservation>)).release();
  await Promise.all(waiting);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(scheduler.waiting(), 0);
});

test('a job that only waits for another node does not hold up the ones behind it', async () => {
  const { table, want } = schedule();
  table.admit(admission('a', ['m']));
  table.admit(admission('b', ['m']));
  const first = await want();
  assert.equal(first.node.id, 'a');
  const picky = want({ exclude: new Set(['b']) });
  assert.equal(await outcomeOf(picky), 'waiting');
  assert.equal(await outcomeOf(want()), 'b');
  first.release();
  assert.equal(await outcomeOf(picky), 'a');
});

test('a job behind one that can use fewer nodes gets the slot that is left over', async () => {
  const { table, want } = schedule();
  table.admit(admission('a', ['m']));
  table.admit(admission('b', ['m']));
  const [onA, onB] = [await want(), await want()];
  const picky = want({ exclude: new Set(['b']) });
  const easy = want();
  onB.release();
  assert.equal(await outcomeOf(picky), 'waiting');
  assert.equal(await outcomeOf(easy), 'b');
  onA.release();
  assert.equal(await outcomeOf(picky), 'a');
});

test('a job that is aborted stops waiting, with the reason', async () => {
  const { table, scheduler, want } = schedule();
  table.admit(admission('a', ['m']));
  const running = await want();
  const caller = new AbortController();
  const waiting = want({ signal: caller.signal });
  const behind = want();
  caller.abort(new Problem('cancelled', 'The client hung up.'));
  await assert.rejects(waiting, isProblem('cancelled', /hung up/));
  assert.equal(scheduler.waiting(), 1);
  running.release();
  assert.equal(await outcomeOf(behind), 'a');
  await assert.rejects(want({ signal: AbortSignal.abort(new Problem('cancelled', 'Too late.')) }), {
    code: 'cancelled',
  });
});

test('a node that comes, serves the model later or gets more slots takes waiting jobs', async () => {
  const { table, want } = schedule();
  table.admit(admission('a', ['m']));
  await want();
  const [first, second, third] = [want(), want(), want()];
  table.heard('a', 0, 2);
  assert.equal(await outcomeOf(first), 'a');
  table.admit(admission('b', ['m']));
  assert.equal(await outcomeOf(second), 'b');
  table.admit(admission('c', []));
  assert.equal(await outcomeOf(third), 'waiting');
  table.refresh('c', admission('c', ['m']).document);
  assert.equal(await outcomeOf(third), 'c');
});

test('keeps jobs waiting whose node has gone, since it may come back', async () => {
  const { table, want } = schedule();
  table.admit(admission('a', ['m']));
  const running = await want();
  const waiting = want();
  table.remove('a', 'restarts');
  running.release();
  assert.equal(await outcomeOf(waiting), 'waiting');
  table.admit(admission('a', ['m'], { epoch: 2 }));
  assert.equal((await waiting).node.epoch, 2);
});

test('[S12] says of a node that does not answer that it does not, and not that its slots are taken', () => {
  const { table, scheduler } = schedule();
  table.admit(admission('a', ['m'], { slots: 2 }));
  table.setSilent(table.get('a') ?? assert.fail(), true);
  const { signal } = new AbortController();
  const { nodes } = scheduler.explain({ model: 'm', exclude: new Set(), maxWaitMs: 0, signal });
  const reason = 'It did not answer, and gets no job until it is heard again.';
  assert.deepEqual(nodes[0]?.removed_by, [{ filter: 'no_free_slot', reason }]);
});

test('says at once that a node is closed, and a moment later to those who waited for it already', async (t) => {
  mockTime(t);
  const { table, scheduler, want } = schedule();
  table.admit(admission('a', ['m']));
  await want();
  const waiting = want();
  table.heard('a', 0, 0, { used: 1, inUse: undefined });
  assert.equal(await outcomeOf(want()), 'no_capacity');
  assert.equal(await outcomeOf(waiting), 'waiting');
  const { signal } = new AbortController();
  assert.equal(scheduler.explain({ model: 'm', exclude: new Set(), maxWaitMs: 10_000, signal }).would_wait, false);
  const policy = { open: false, reason: 'paused', changes_at: null };
  table.refresh('a', documentFor('a', ['m'], { policy }));
  t.mock.timers.tick(1_000);
  await assert.rejects(waiting, isProblem('no_capacity', /closed by their owners/));
  assert.equal(scheduler.waiting(), 0);
});

test('keeps jobs waiting for a node that opens in time, and for one that another is still to leave', async (t) => {
  mockTime(t);
  const { table, want } = schedule();
  const changesAt = Date.now() + 5_000;
  const policy = { open: false, reason: 'hours', changes_at: changesAt };
  table.admit(admission('a', ['m'], { slots: 0, document: documentFor('a', ['m'], { policy }) }));
  table.admit(admission('b', ['n']));
  await want({ model: 'n' });
  const [early, late, other] = [want(), want({ maxWaitMs: 2_000 }), want({ model: 'n' })];
  table.heard('a', 0, 1);
  assert.equal(await outcomeOf(early), 'a');
  table.heard('a', 0, 0);
  t.mock.timers.tick(1_000);
  assert.equal(await outcomeOf(late), 'no_capacity');
  assert.equal(await outcomeOf(other), 'waiting');
});

test('says to those who wait that the operator has cordoned the only node, each time that it does', async (t) => {
  mockTime(t);
  const { table, want } = schedule();
  table.admit(admission('a', ['m']));
  const { release } = await want();
  for (let time = 0; time < 2; time += 1) {
    table.setStanding('a', ACTIVE);
    const waiting = want();
    table.setStanding('a', { ...ACTIVE, state: 'cordoned' });
    t.mock.timers.tick(1_000);
    assert.equal(await outcomeOf(waiting), 'no_capacity');
  }
  table.setStanding('a', ACTIVE);
  const waiting = want();
  table.setStanding('a', { ...ACTIVE, state: 'cordoned' });
  release();
  assert.equal(await outcomeOf(waiting), 'waiting', 'its slot is given to nobody');
  table.setStanding('a', ACTIVE);
  assert.equal(await outcomeOf(waiting), 'a');
});

test('refuses a job when a thousand wait already', async () => {
  const { table, scheduler, want } = schedule();
  table.admit(admission('a', ['m']));
  await want();
  const caller = new AbortController();
  const waiting = Array.from({ length: 1_000 }, () => want({ signal: caller.signal }));
  await assert.rejects(want(), (error: Problem) => error.code === 'queue_full' && error.retry === 'later');
  caller.abort(new Problem('cancelled', 'Enough.'));
  assert.ok((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected'));
  assert.equal(scheduler.waiting(), 0);
});
