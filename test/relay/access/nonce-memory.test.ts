import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNonceMemory } from '../../../relay/access/nonce-memory.ts';
import { isProblem } from '../../support/problems.ts';
import { T0 } from '../store/store-records.ts';

const MINUTE = 60_000;

function setUp(mostPerKey?: number) {
  // `setBy` is what of its way the clock on the wall was set.
  const clock = { now: T0, setBy: 0 };
  const limit = mostPerKey === undefined ? {} : { mostPerKey };
  const elapsed = () => clock.now - clock.setBy;
  return { clock, memory: createNonceMemory({ maxAgeMs: 5 * MINUTE, now: () => clock.now, elapsed, ...limit }) };
}

test('takes a nonce once for each key, whenever its request was signed', () => {
  const { clock, memory } = setUp();
  memory.spend('a', 'one', T0);
  memory.spend('b', 'one', T0);
  clock.now += 4 * MINUTE;
  assert.throws(() => memory.spend('a', 'one', T0), isProblem('nonce_repeated', /anew/));
  assert.throws(() => memory.spend('a', 'one', clock.now), isProblem('nonce_repeated', /used before/));
  memory.spend('a', 'two', T0 - MINUTE);
});

test('forgets a nonce only when its request is too old to be taken, and then for every key', () => {
  const { clock, memory } = setUp();
  memory.spend('a', 'one', T0);
  memory.spend('b', 'one', T0);
  clock.now = T0 + 5 * MINUTE;
  assert.throws(() => memory.spend('a', 'one', T0), isProblem('nonce_repeated', /used before/));
  clock.now = T0 + 6 * MINUTE + 1_000;
  memory.spend('c', 'one', clock.now);
  assert.equal(memory.size(), 1, 'also those of keys that are not used any more');
});

test('forgets the older nonces of a key that goes on, which may use them again', () => {
  const { clock, memory } = setUp();
  memory.spend('a', 'one', T0);
  memory.spend('a', 'two', T0 + 2 * MINUTE);
  clock.now = T0 + 6 * MINUTE + 1_000;
  memory.spend('a', 'one', clock.now);
  assert.throws(() => memory.spend('a', 'two', clock.now), isProblem('nonce_repeated', /used before/));
  clock.now += MINUTE;
  memory.spend('a', 'three', clock.now);
  assert.equal(memory.size(), 3);
});

test('refuses a key that has as many as are remembered, says for how long, and forgets none of them', () => {
  const { clock, memory } = setUp(3);
  for (const [at, nonce] of ['one', 'two', 'three'].entries()) memory.spend('a', nonce, T0 - at * MINUTE);
  let retryAfterMs = 0;
  assert.throws(
    () => memory.spend('a', 'four', T0),
    (error: unknown) => {
      retryAfterMs = (error as { retryAfterMs: number }).retryAfterMs;
      return isProblem('rate_limit_exceeded', /3 requests/)(error);
    },
  );
  assert.throws(() => memory.spend('a', 'one', T0), isProblem('nonce_repeated', /used before/));
  memory.spend('b', 'four', T0);
  clock.now += retryAfterMs - 1;
  assert.throws(() => memory.spend('a', 'four', clock.now), isProblem('rate_limit_exceeded', /may sign/));
  clock.now += 1;
  memory.spend('a', 'four', clock.now);
});

test('forgets no nonce because of a clock that is ahead and then set right: its request is of now once more', () => {
  const { clock, memory } = setUp();
  clock.now += 4 * MINUTE;
  memory.spend('a', 'one', T0);
  clock.now += 2 * MINUTE + 1_000;
  memory.spend('a', 'two', clock.now);
  clock.now -= 4 * MINUTE;
  clock.setBy -= 4 * MINUTE;
  assert.throws(() => memory.spend('a', 'one', T0), isProblem('nonce_repeated', /used before/));
  clock.now += 5 * MINUTE;
  memory.spend('a', 'three', clock.now);
  assert.equal(memory.size(), 2, 'the first is too old by now');
});
