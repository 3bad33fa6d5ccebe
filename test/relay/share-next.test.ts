import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { shareNext } from '../../relay/share-next.ts';
import { until } from '../support/until.ts';

/** Something that is made when the test says so. */
function prepare(rest?: number) {
  const made: PromiseWithResolvers<string>[] = [];
  const ask = shareNext(() => {
    const one = Promise.withResolvers<string>();
    made.push(one);
    return one.promise;
  }, rest);
  return { ask, made };
}

test('who asks while one is made shares the next, which began after they asked', async () => {
  const { ask, made } = prepare();
  const first = ask();
  const later = [ask(), ask(), ask()];
  assert.equal(made.length, 1, 'no two at a time');
  made[0]?.resolve('before');
  assert.equal(await first, 'before');
  made[1]?.resolve('after');
  assert.deepEqual(await Promise.all(later), ['after', 'after', 'after']);
  assert.equal(made.length, 2);
  void ask();
  assert.equal(made.length, 3, 'nothing is kept');
});

test('one that fails is told to who shared it, and the next is made all the same', async () => {
  const { ask, made } = prepare();
  const first = ask();
  const second = ask();
  made[0]?.reject(new Error('the first'));
  await assert.rejects(first, /the first/);
  made[1]?.resolve('second');
  assert.equal(await second, 'second');
});

test('with a rest the next begins so many times later as the last one took, whoever asks, and is no older than the question', async () => {
  const { ask, made } = prepare(10);
  const first = ask();
  await pause(20);
  made[0]?.resolve('first');
  const endedAt = performance.now();
  assert.equal(await first, 'first');
  const later = [ask(), ask()];
  assert.equal(made.length, 1);
  await until(() => made.length === 2);
  // Timers may be early by a millisecond each.
  assert.ok(performance.now() - endedAt >= 150);
  made[1]?.resolve('second');
  assert.deepEqual(await Promise.all(later), ['second', 'second']);
});
