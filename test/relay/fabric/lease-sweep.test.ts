import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isLeaseOver, sweepLeases } from '../../../relay/fabric/nodes/lease-sweep.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** Somebody who was heard a moment ago, under a clock that the test sets. */
function watchOne(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const clock = { now: 10 * DAY_MS };
  const one = { heardAt: clock.now, isGone: false };
  t.after(
    sweepLeases(
      () => clock.now,
      (at) => {
        if (isLeaseOver(one, at)) one.isGone = true;
      },
    ),
  );
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += SECOND_MS) {
      clock.now += SECOND_MS;
      t.mock.timers.tick(SECOND_MS);
    }
  };
  return { clock, one, pass };
}

for (const [name, leaps] of [
  ['is set back by a day', [-DAY_MS]],
  ['is ahead by a day for a while', [DAY_MS, -DAY_MS]],
  ['is set forward by a day', [DAY_MS]],
  ['is ten years ahead for a while', [3_650 * DAY_MS, -3_650 * DAY_MS]],
] as const) {
  test(`nobody's lease ends because the clock ${name}, and whoever is silent from then on is gone within three leases`, (t) => {
    const { clock, one, pass } = watchOne(t);
    for (const leapMs of leaps) {
      clock.now += leapMs;
      pass(SECOND_MS);
    }
    pass(LIMITS.leaseMs - 2 * SECOND_MS);
    assert.equal(one.isGone, false);
    pass(LIMITS.leaseMs + 5 * SECOND_MS);
    assert.equal(one.isGone, true);
  });
}
