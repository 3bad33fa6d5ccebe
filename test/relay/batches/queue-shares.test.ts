import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createQueueShares } from '../../../relay/batches/queue-shares.ts';

const never = new AbortController().signal;
const of = (apiKeyId: string, model: string | null = null) => ({ apiKeyId, model });

test('a key alone has what a key may have, and several share what all may have evenly', async () => {
  const shares = createQueueShares({ mostInQueue: 30, mostInQueuePerKey: 20 });
  shares.enter(of('a'));
  assert.equal(await shares.whenRoom(of('a'), never), 20);
  shares.enter(of('b'));
  assert.equal(await shares.whenRoom(of('a'), never), 15);
  for (let at = 0; at < 10; at++) shares.take(of('a'));
  assert.equal(await shares.whenRoom(of('a'), never), 5);
  shares.enter(of('c'));
  assert.equal(await shares.whenRoom(of('c'), never), 10);
  shares.leave(of('b'));
  assert.equal(await shares.whenRoom(of('c'), never), 15);
});

test('a key whose share is full waits until a quarter of it is free, or others have left, or it is told to stop', async () => {
  const shares = createQueueShares({ mostInQueue: 8, mostInQueuePerKey: 8 });
  shares.enter(of('a'));
  for (let at = 0; at < 8; at++) shares.take(of('a'));
  const seen: number[] = [];
  void shares.whenRoom(of('a'), never).then((room) => seen.push(room));
  shares.give(of('a'));
  await new Promise(setImmediate);
  assert.deepEqual(seen, []);
  shares.give(of('a'));
  await new Promise(setImmediate);
  assert.deepEqual(seen, [2]);
  shares.enter(of('b'));
  const stop = new AbortController();
  const stopped = shares.whenRoom(of('a'), stop.signal);
  const later = shares.whenRoom(of('a'), never);
  stop.abort();
  assert.equal(await stopped, 0);
  shares.leave(of('b'));
  assert.equal(await later, 2);
});

test('with more keys than there is room each may have one line at a time', async () => {
  const shares = createQueueShares({ mostInQueue: 2, mostInQueuePerKey: 2 });
  for (const key of ['a', 'b', 'c']) shares.enter(of(key));
  for (const key of ['a', 'b', 'c']) {
    assert.equal(await shares.whenRoom(of(key), never), 1);
    shares.take(of(key));
  }
});

test('what a key has for one model leaves room for each other, and none of them a third more than its share', async () => {
  const shares = createQueueShares({ mostInQueue: 400, mostInQueuePerKey: 100 });
  const rooms: number[] = [];
  for (const model of ['a', 'b', null, 'c', 'd', 'e']) {
    const lane = of('key', model);
    shares.enter(lane);
    const room = await shares.whenRoom(lane, never);
    rooms.push(room);
    for (let at = 0; at < room; at++) shares.take(lane);
  }
  assert.deepEqual(rooms, [100, 25, 6, 1, 1, 1]);
  assert.equal(await shares.whenRoom(of('another', 'a'), never), 100);
  // Of what others give back each may have more.
  for (let at = 0; at < 60; at++) shares.give(of('key', 'a'));
  assert.equal(await shares.whenRoom(of('key', 'b'), never), 100 - 37 - 25);
});
