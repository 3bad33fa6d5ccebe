import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createQueueShares } from '../../../relay/batches/queue-shares.ts';

const never = new AbortController().signal;

test('a key alone has what a key may have, and several share what all may have evenly', async () => {
  const shares = createQueueShares({ mostInQueue: 30, mostInQueuePerKey: 20 });
  shares.enter('a');
  assert.equal(await shares.whenRoom('a', never), 20);
  shares.enter('b');
  assert.equal(await shares.whenRoom('a', never), 15);
  for (let at = 0; at < 10; at++) shares.take('a');
  assert.equal(await shares.whenRoom('a', never), 5);
  shares.enter('c');
  assert.equal(await shares.whenRoom('c', never), 10);
  shares.leave('b');
  assert.equal(await shares.whenRoom('c', never), 15);
});

test('a key whose share is full waits until a quarter of it is free, or others have left, or it is told to stop', async () => {
  const shares = createQueueShares({ mostInQueue: 8, mostInQueuePerKey: 8 });
  shares.enter('a');
  for (let at = 0; at < 8; at++) shares.take('a');
  const seen: number[] = [];
  void shares.whenRoom('a', never).then((room) => seen.push(room));
  shares.give('a');
  await new Promise(setImmediate);
  assert.deepEqual(seen, []);
  shares.give('a');
  await new Promise(setImmediate);
  assert.deepEqual(seen, [2]);
  shares.enter('b');
  const stop = new AbortController();
  const stopped = shares.whenRoom('a', stop.signal);
  const later = shares.whenRoom('a', never);
  stop.abort();
  assert.equal(await stopped, 0);
  shares.leave('b');
  assert.equal(await later, 2);
});

test('with more keys than there is room each may have one line at a time', async () => {
  const shares = createQueueShares({ mostInQueue: 2, mostInQueuePerKey: 2 });
  for (const key of ['a', 'b', 'c']) shares.enter(key);
  for (const key of ['a', 'b', 'c']) {
    assert.equal(await shares.whenRoom(key, never), 1);
    shares.take(key);
  }
});
