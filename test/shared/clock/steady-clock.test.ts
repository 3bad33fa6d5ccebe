import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSteadyClock } from '../../../shared/clock/steady-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';

test('goes as the clock that it reads, and on when that is set back, again and again', () => {
  let now = 1_000;
  const steady = createSteadyClock(() => now);
  assert.equal(steady(), 1_000);
  now = 1_500;
  assert.equal(steady(), 1_500);
  now = 200;
  assert.equal(steady(), 1_500, 'what passed at the moment of the change nobody knows');
  now = 300;
  assert.equal(steady(), 1_600);
  now = 0;
  assert.equal(steady(), 1_600);
  now = 7_000;
  assert.equal(steady(), 8_600);
});

test('never goes back, whatever the other does', () => {
  const random = seededRandom(7);
  let now = 0;
  const steady = createSteadyClock(() => now);
  let before = steady();
  for (let step = 0; step < 1_000; step++) {
    now += Math.round((random() - 0.5) * 10_000);
    const next = steady();
    assert.ok(next >= before);
    before = next;
  }
});
