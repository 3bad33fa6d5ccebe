import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { createParallelLimits } from '../../../relay/access/parallel-limits.ts';
import { isProblem } from '../../support/problems.ts';

/** An answer under way. */
const answer = () => Object.assign(new EventEmitter(), { closed: false });
const isFull = isProblem('parallel_limit_exceeded', /2 requests under way at once/);

test('a request beyond the limit is refused until one before it is over', () => {
  const limits = createParallelLimits();
  limits.fit('k', 2);
  const [first, second] = [answer(), answer()];
  for (const one of [first, second]) limits.enter('k', one);
  assert.throws(() => limits.enter('k', answer()), isFull);
  assert.throws(
    () => limits.enter('k', answer()),
    (error: unknown) => (error as { retryAfterMs: number }).retryAfterMs > 0,
  );
  for (let i = 0; i < 3; i++) limits.enter('other', answer());
  assert.deepEqual(limits.standing('k'), { limit: 2, running: 2 });
  second.emit('close');
  limits.enter('k', answer());
  assert.throws(() => limits.enter('k', answer()), isFull);
});

test('a request has one slot however often it asks, gives it back once, and has none when it is over already', () => {
  const limits = createParallelLimits();
  limits.fit('k', 2);
  const [one, over] = [answer(), Object.assign(answer(), { closed: true })];
  for (let i = 0; i < 3; i++) limits.enter('k', one);
  limits.enter('k', over);
  assert.equal(limits.standing('k')?.running, 1);
  for (let i = 0; i < 3; i++) one.emit('close');
  over.emit('close');
  assert.equal(limits.standing('k')?.running, 0);
});

test('work that was let in takes a slot also where none is left, and who waits hears of room once there is some', () => {
  const limits = createParallelLimits();
  let heard = 0;
  limits.onRoom(() => (heard += 1));
  limits.fit('k', 1);
  const [leave, leaveAgain] = [limits.begin('k'), limits.begin('k')];
  assert.deepEqual([limits.hasRoom('k'), limits.hasRoom('other')], [false, true]);
  leave();
  leave();
  assert.deepEqual([limits.standing('k'), limits.hasRoom('k'), heard], [{ limit: 1, running: 1 }, false, 0]);
  leaveAgain();
  assert.deepEqual([limits.hasRoom('k'), heard], [true, 1]);
});

test('a limit that is changed counts at once, and what runs goes on', () => {
  const limits = createParallelLimits();
  let heard = 0;
  limits.onRoom(() => (heard += 1));
  limits.fit('k', 3);
  const leaves = [limits.begin('k'), limits.begin('k')];
  limits.fit('k', 1);
  assert.deepEqual([limits.standing('k'), limits.hasRoom('k')], [{ limit: 1, running: 2 }, false]);
  limits.fit('k', 4);
  assert.deepEqual([limits.hasRoom('k'), heard], [true, 1]);
  limits.fit('k', null);
  assert.deepEqual([limits.standing('k'), limits.hasRoom('k')], [undefined, true]);
  for (const leave of leaves) leave();
  limits.fit('k', 1);
  assert.equal(limits.standing('k')?.running, 0);
});

test('a request is judged by the limit of now, whatever it was when it came', () => {
  const limits = createParallelLimits();
  limits.fit('k', 4);
  for (let i = 0; i < 2; i++) limits.enter('k', answer());
  limits.fit('k', 2);
  assert.throws(() => limits.enter('k', answer()), isFull);
  limits.fit('k', null);
  const free = answer();
  limits.enter('k', free);
  free.emit('close');
  limits.fit('k', 2);
  assert.equal(limits.standing('k')?.running, 2, 'what came without a limit has no slot');
});

test('work that outlives its request has the slot of that until it ends, and what the request brings besides one of its own', () => {
  const limits = createParallelLimits();
  limits.fit('k', 2);
  const request = answer();
  limits.enter('k', request);
  const first = limits.begin('k', request);
  assert.equal(limits.standing('k')?.running, 1);
  limits.enter('k', request);
  const second = limits.begin('k', request);
  assert.throws(() => limits.enter('k', request), isFull);
  request.emit('close');
  assert.equal(limits.standing('k')?.running, 2, 'both go on');
  for (const end of [first, first, second]) end();
  assert.equal(limits.standing('k')?.running, 0);
});

test('whatever begins, ends, ends twice and is changed, a key runs what was begun and has not ended, and no request goes beyond', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b'),
    what: fc.constantFrom('enter', 'begin', 'close', 'twice', 'fit'),
    n: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const limits = createParallelLimits();
      const of = { a: { limit: 3, ends: [] as (() => void)[] }, b: { limit: 3, ends: [] as (() => void)[] } };
      for (const key of ['a', 'b']) limits.fit(key, 3);
      for (const { key, what, n } of steps) {
        const mine = of[key as 'a' | 'b'];
        if (what === 'fit') {
          mine.limit = n + 1;
          limits.fit(key, mine.limit);
        }
        if (what === 'begin') mine.ends.push(limits.begin(key));
        if (what === 'enter') {
          const one = answer();
          const before = mine.ends.length;
          try {
            limits.enter(key, one);
            assert.ok(before < mine.limit);
            mine.ends.push(() => one.emit('close'));
          } catch (error) {
            assert.ok(before >= mine.limit, String(error));
          }
        }
        if (what === 'close' || what === 'twice') {
          const [end] = mine.ends.splice(n % Math.max(1, mine.ends.length), 1);
          for (let i = 0; i < (what === 'twice' ? 2 : 1); i++) end?.();
        }
        for (const [id, { limit, ends }] of Object.entries(of)) {
          assert.deepEqual(limits.standing(id), { limit, running: ends.length });
        }
      }
    }),
    { seed: 159 },
  );
});
