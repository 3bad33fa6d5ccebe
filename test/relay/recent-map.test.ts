import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecentMap } from '../../relay/recent-map.ts';

test('keeps the newest entries, and at most twice as many', () => {
  const map = createRecentMap<number>(3);
  for (let i = 0; i < 20; i++) {
    map.set(`${i}`, i);
    for (let j = Math.max(0, i - 2); j <= i; j++) assert.equal(map.get(`${j}`), j);
    assert.equal(map.get(`${i - 6}`), undefined);
  }
});

test('what is set again counts as new, with its new value, and is there once', () => {
  const map = createRecentMap<number>(2, [
    ['a', 1],
    ['b', 1],
  ]);
  map.set('c', 1);
  map.set('a', 2);
  assert.deepEqual(
    [...map],
    [
      ['c', 1],
      ['a', 2],
      ['b', 1],
    ],
  );
  map.set('d', 1);
  assert.deepEqual([map.get('a'), map.get('b')], [2, undefined]);
});
