import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyAccount } from '../../../relay/credits/accounts.ts';
import { createBudgets } from '../../../relay/credits/budgets.ts';
import type { CreditStore } from '../../../relay/store/credit-store.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { settled } from '../../support/pending-timers.ts';
import { isProblem } from '../../support/problems.ts';
import { T0 } from '../store/store-records.ts';

const DAY_MS = 86_400_000;
const TODAY = Math.floor(T0 / DAY_MS) * DAY_MS;
const DAILY = { budgetMicro: 100, budgetDuration: '1d', softBudgetMicro: 80 };

/** Budgets over a ledger of `[at, micro]`, of which the first `before` are older than the relay. */
function budgetsOver(ledger: [number, number][] = [], before = ledger.length) {
  const clock = { now: TODAY + 1_000 };
  const reached: number[] = [];
  const sum = (entries: [number, number][]): number => entries.reduce((total, [, micro]) => total + micro, 0);
  const reads = { count: 0, fails: false, hold: Promise.resolve() };
  const spentOf: CreditStore['spentOf'] = async (account, { at, until, behindSeq }) => {
    assert.equal(account, keyAccount('k'));
    reads.count += 1;
    if (reads.fails) throw new Problem('storage_failed', 'The disk is full.');
    const sinceMicro = sum(ledger.filter((one) => one[0] >= at && (until === null || one[0] < until)));
    const latestAt = ledger.length === 0 ? null : Math.max(...ledger.map(([when]) => when));
    const seen = { sinceMicro, laterMicro: sum(ledger.slice(behindSeq)), latestAt };
    await reads.hold;
    return seen;
  };
  const budgets = createBudgets({
    store: { spentOf },
    lastSeq: before,
    onSoftReached: (_keyId, { spentMicro }) => reached.push(spentMicro),
    now: () => clock.now,
  });
  const spent = (): number | undefined => budgets.standing('k')?.spentMicro;
  return { budgets, clock, reached, reads, ledger, spent };
}

test('a budget lets in what fits beside what was spent and is held, and tells when it is renewed', async () => {
  const { budgets, clock, spent } = budgetsOver([
    [TODAY - 1, 1_000],
    [TODAY, 60],
  ]);
  await budgets.set('k', DAILY);
  assert.equal(spent(), 60);
  budgets.assertRoom('k', 30, 10);
  assert.throws(
    () => budgets.assertRoom('k', 31, 10),
    isProblem('budget_exceeded', /0\.00003 left; it is renewed at \d{4}-/),
  );
  budgets.charged('k', clock.now, 50);
  // What is free goes on, whatever was spent.
  budgets.assertRoom('k', 0, 0);
  assert.throws(
    () => budgets.assertRoom('k', 1, 0),
    (error: unknown) => {
      assert.ok(error instanceof Problem);
      assert.match(error.message, /has 0 left/);
      return error.retryAfterMs === DAY_MS - 1_000;
    },
  );
  budgets.assertRoom('nobody', 1_000_000, 0);
});

test('a budget is renewed at the end of its period, to the millisecond, and what was written before counts before', async () => {
  const { budgets, clock, spent } = budgetsOver([[TODAY, 100]]);
  await budgets.set('k', DAILY);
  clock.now = TODAY + DAY_MS - 1;
  assert.throws(() => budgets.assertRoom('k', 1, 0));
  clock.now += 1;
  budgets.assertRoom('k', 100, 0);
  assert.equal(budgets.standing('k')?.renewsAt, TODAY + 2 * DAY_MS);
  // A job that had ended in the old period, and is told of in the new one.
  budgets.charged('k', TODAY + DAY_MS - 1, 40);
  assert.equal(spent(), 0);
  budgets.charged('k', clock.now, 7);
  assert.equal(spent(), 7);
});

for (const leapMs of [3_600_000 * 24, 3_650 * DAY_MS]) {
  test(`a budget holds on after the clock was ${leapMs / DAY_MS} days ahead for a while`, async () => {
    const { budgets, clock, reads, spent } = budgetsOver([[TODAY, 60]]);
    await budgets.set('k', DAILY);
    clock.now += leapMs;
    budgets.assertRoom('k', 100, 0);
    clock.now -= leapMs;
    reads.fails = true;
    assert.equal(budgets.standing('k')?.renewsAt, TODAY + DAY_MS);
    await settled();
    reads.fails = false;
    assert.equal(budgets.standing('k')?.renewsAt, TODAY + DAY_MS);
    await settled();
    assert.equal(spent(), 60);
    budgets.charged('k', clock.now, 30);
    assert.throws(() => budgets.assertRoom('k', 11, 0), isProblem('budget_exceeded', /0\.00001 left/));
  });
}

test('a budget without a duration is never renewed', async () => {
  const { budgets, clock, spent } = budgetsOver([[5, 30]]);
  await budgets.set('k', { budgetMicro: 50, budgetDuration: null, softBudgetMicro: null });
  clock.now += 1_000 * DAY_MS;
  assert.equal(spent(), 30);
  assert.throws(
    () => budgets.assertRoom('k', 21, 0),
    (error: unknown) => error instanceof Problem && error.retryAfterMs === undefined,
  );
});

test('what is told before it is written, or written before it is told, is counted once when a budget is set meanwhile', async () => {
  const { budgets, clock, ledger, spent } = budgetsOver([[TODAY, 5]], 1);
  // Told and written; written and not told yet; told and not written yet.
  budgets.charged('k', TODAY + 1, 10);
  ledger.push([TODAY + 1, 10], [TODAY + 2, 20]);
  budgets.charged('k', TODAY + 3, 30);
  await budgets.set('k', DAILY);
  assert.equal(spent(), 45);
  budgets.charged('k', TODAY + 2, 20);
  assert.equal(spent(), 65);
  // A longer period finds all of it again in the ledger.
  ledger.push([TODAY + 3, 30]);
  clock.now += 1;
  await budgets.set('k', { ...DAILY, budgetDuration: '1mo' });
  assert.equal(spent(), 65);
});

test('what is charged while the ledger is being read is not lost, and the last setting stands', async () => {
  const { budgets, reads, clock, spent } = budgetsOver([[TODAY, 5]], 1);
  const held = Promise.withResolvers<void>();
  reads.hold = held.promise;
  const first = budgets.set('k', DAILY);
  const same = budgets.set('k', { ...DAILY, budgetMicro: 200 });
  budgets.charged('k', clock.now, 8);
  held.resolve();
  await Promise.all([first, same]);
  assert.deepEqual([reads.count, spent(), budgets.standing('k')?.budgetMicro], [1, 13, 200]);
});

test('a budget whose ledger cannot be read is refused, and read again the next time', async () => {
  const { budgets, reads, spent } = budgetsOver([[TODAY, 5]], 1);
  reads.fails = true;
  await assert.rejects(budgets.set('k', DAILY), isProblem('storage_failed', /disk/));
  reads.fails = false;
  await budgets.set('k', DAILY);
  assert.equal(spent(), 5);
});

test('the operator is told of a soft budget once in a period, and not again after a restart', async () => {
  const { budgets, clock, reached } = budgetsOver();
  await budgets.set('k', DAILY);
  budgets.charged('k', clock.now, 79);
  assert.deepEqual([reached, budgets.standing('k')?.isSoftReached], [[], false]);
  for (const micro of [1, 5]) budgets.charged('k', clock.now, micro);
  assert.deepEqual([reached, budgets.standing('k')?.isSoftReached], [[80], true]);
  clock.now += DAY_MS;
  assert.equal(budgets.standing('k')?.isSoftReached, false);
  budgets.charged('k', clock.now, 90);
  assert.deepEqual(reached, [80, 90]);
  const restarted = budgetsOver([[TODAY, 90]]);
  await restarted.budgets.set('k', DAILY);
  restarted.budgets.charged('k', restarted.clock.now, 1);
  assert.deepEqual(restarted.reached, []);
});

test('a soft budget that is raised is told of again, and one alone refuses nothing', async () => {
  const { budgets, clock, reached } = budgetsOver();
  const soft = (softBudgetMicro: number | null) => budgets.set('k', { ...DAILY, budgetMicro: null, softBudgetMicro });
  await soft(10);
  budgets.charged('k', clock.now, 15);
  await soft(20);
  assert.equal(budgets.standing('k')?.isSoftReached, false);
  budgets.charged('k', clock.now, 1_000);
  assert.deepEqual(reached, [15, 1_015]);
  budgets.assertRoom('k', 1_000_000, 0);
  await soft(null);
  assert.equal(budgets.standing('k'), undefined);
});

test('what was spent while the clock was ahead counts in the period that it was written for, and in none before', async () => {
  const ahead = TODAY + 10 * DAY_MS;
  const { budgets, clock, spent } = budgetsOver([
    [TODAY, 30],
    [ahead, 60],
  ]);
  await budgets.set('k', DAILY);
  assert.equal(spent(), 30);
  budgets.assertRoom('k', 70, 0);
  clock.now = TODAY + DAY_MS;
  assert.equal(spent(), 0);
  clock.now = ahead + 1;
  spent();
  await settled();
  assert.equal(spent(), 60);
  const later = budgetsOver([[ahead, 60]]);
  later.clock.now = ahead + 1;
  await later.budgets.set('k', DAILY);
  assert.equal(later.spent(), 60);
});

test('a relay that is started while the clock is behind finds what was spent before as soon as the clock is set right', async () => {
  const { budgets, clock, ledger, reached, reads, spent } = budgetsOver([
    [TODAY, 60],
    [TODAY - 40 * DAY_MS, 5],
  ]);
  clock.now = TODAY - 40 * DAY_MS + 1;
  await budgets.set('k', DAILY);
  assert.equal(spent(), 5);
  clock.now = TODAY + 1_000;
  reads.fails = true;
  spent();
  await settled();
  // What cannot be read is read again for whoever asks next, and what is charged meanwhile is counted once.
  reads.fails = false;
  budgets.charged('k', clock.now, 15);
  ledger.push([clock.now, 15]);
  await settled();
  assert.equal(spent(), 75);
  assert.throws(() => budgets.assertRoom('k', 26, 0), isProblem('budget_exceeded', /0\.000025 left/));
  budgets.charged('k', clock.now, 10);
  assert.deepEqual(reached, [85]);
  // The days that follow begin with nothing, and ask nobody.
  const asked = reads.count;
  clock.now += DAY_MS;
  assert.deepEqual([spent(), reads.count], [0, asked]);
});

test('a period that begins once more, after the clock was set back, has what was spent in it', async () => {
  const { budgets, clock, ledger, spent } = budgetsOver([[TODAY, 60]]);
  await budgets.set('k', DAILY);
  const charge = (micro: number): void => {
    budgets.charged('k', clock.now, micro);
    ledger.push([clock.now, micro]);
  };
  clock.now = TODAY + DAY_MS + 5;
  charge(30);
  clock.now = TODAY + DAY_MS - 5;
  spent();
  await settled();
  charge(7);
  assert.equal(spent(), 67);
  clock.now = TODAY + DAY_MS + 1;
  spent();
  await settled();
  assert.equal(spent(), 30);
  charge(2);
  assert.equal(spent(), 32);
});
