import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { watchClock } from '../../relay/clock-watch.ts';
import { collectLog } from '../support/log.ts';

const START_MS = 1_790_000_000_000;
const HOUR_MS = 3_600_000;

function watch(t: TestContext, lastSignedAt?: number) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const times = { wall: START_MS, monotonic: 50 };
  const log = collectLog();
  t.after(watchClock({ now: () => times.wall, clock: () => times.monotonic, lastSignedAt, log }));
  const pass = (ms: number, leapMs = 0): void => {
    times.wall += ms + leapMs;
    times.monotonic += ms;
    t.mock.timers.tick(ms);
  };
  return { lines: log.lines, pass };
}

for (const [leapMs, said] of [
  [HOUR_MS, 'was set forward, or it slept'],
  [-24 * HOUR_MS, 'was set back'],
] as const) {
  test(`a clock that ${said} is told once`, (t) => {
    const { lines, pass } = watch(t);
    pass(10_000, leapMs);
    for (let n = 0; n < 10; n++) pass(10_000);
    assert.deepEqual(lines, [`warn the clock of this machine ${said}: look whether it is right`]);
  });
}

test('a clock that is corrected by a little at a time is not told of, nor is a relay that stood still', (t) => {
  const { lines, pass } = watch(t);
  pass(10_000, 20_000);
  pass(10_000, -20_000);
  pass(HOUR_MS);
  assert.deepEqual(lines, []);
});

test('a start before the last receipts is told, and one after them is not', (t) => {
  assert.deepEqual(watch(t, START_MS - HOUR_MS).lines, []);
  t.mock.timers.reset();
  assert.match(watch(t, START_MS + HOUR_MS).lines[0] ?? '', /warn .*behind the last receipts of this relay/);
});
