import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchForStalls } from '../../../../relay/fabric/bus/bus-stalls.ts';
import { mockTime, settled } from '../../../support/pending-timers.ts';

test('a bus that leaves a question without an answer for a second stands still, until it answers', async (t) => {
  const time = mockTime(t);
  const clock = { now: 0 };
  const answers: (() => void)[] = [];
  const ask = () => new Promise<void>((resolve) => answers.push(resolve));
  const stalls = watchForStalls(ask, () => clock.now);
  t.after(() => stalls.stop());
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 250) {
      clock.now += 250;
      time.tick(250);
      await settled();
    }
  };
  await pass(1_000);
  assert.ok(!stalls.stalledWithin(10_000), 'the first question is 750 ms old');
  await pass(500);
  assert.ok(stalls.stalledWithin(0));
  assert.equal(answers.length, 1, 'one question at a time');
  answers[0]?.();
  await settled();
  await pass(1_000);
  assert.ok(!stalls.stalledWithin(500));
  assert.ok(stalls.stalledWithin(2_000));
});

test('a relay that stood still itself takes nobody for standing still', async (t) => {
  const time = mockTime(t);
  const clock = { now: 0 };
  const stalls = watchForStalls(
    async () => undefined,
    () => clock.now,
  );
  t.after(() => stalls.stop());
  for (let turn = 0; turn < 10; turn++) {
    clock.now += 5_000;
    time.tick(250);
    await settled();
  }
  assert.ok(!stalls.stalledWithin(60_000));
});
