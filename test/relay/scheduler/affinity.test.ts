import assert from 'node:assert/strict';
import { test } from 'node:test';
import { affinityOf, createAffinityTable } from '../../../relay/scheduler/affinity.ts';

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const of = (messages: { role: string; content: string }[], more = {}) =>
  affinityOf({ model: 'm', apiKeyId: 'k', messages, ...more });

test('the turns of a conversation share a key, and others do not', () => {
  const first = of([user('Hello')]);
  const second = of([user('Hello'), assistant('Hi'), user('How are you?')]);
  assert.equal(first?.key, second?.key);
  assert.deepEqual([first?.isLater, second?.isLater], [false, true]);
  assert.notEqual(first?.key, of([user('Hello!')])?.key);
  assert.notEqual(first?.key, of([user('Hello')], { model: 'n' })?.key);
  assert.notEqual(first?.key, of([user('Hello')], { apiKeyId: 'other' })?.key, 'keys know nothing of each other');
  assert.doesNotMatch(first?.key ?? '', /Hello/);
});

test("the client's own key counts before its user, and that before the words", () => {
  const byKey = of([user('a')], { cacheKey: 'c', user: 'u' });
  assert.deepEqual(of([user('b')], { cacheKey: 'c' }), byKey);
  assert.deepEqual(of([user('b')], { user: 'u' }), of([user('c')], { user: 'u' }));
  assert.notEqual(of([user('b')], { user: 'u' })?.key, byKey?.key);
  assert.equal(byKey?.isLater, true);
  assert.equal(of([assistant('nobody asked')]), undefined);
});

test('forgets after a while, and what was met longest ago when there are too many', () => {
  const table = createAffinityTable();
  const met = (key: string) => ({ key, isLater: true });
  table.met(met('a'), 'node-1', 0);
  assert.equal(table.nodeOf(met('a'), 1_800_000), 'node-1');
  assert.equal(table.nodeOf(met('a'), 1_800_001), undefined);
  assert.equal(table.nodeOf({ key: 'a', isLater: false }, 0), undefined);
  for (let i = 0; i < 20_000; i++) table.met(met(`${i}`), 'node-2', 1);
  assert.deepEqual(
    ['a', '10000', '19999'].map((key) => table.nodeOf(met(key), 1)),
    [undefined, 'node-2', 'node-2'],
  );
});

test('[S13] looks for a conversation where a node tells that it is warm, and nowhere when it tells so no more', () => {
  const table = createAffinityTable();
  const [a, b] = [
    { key: 'a', isLater: true },
    { key: 'b', isLater: true },
  ];
  table.told('node-1', ['a', 'b'], 0);
  assert.deepEqual([table.nodeOf(a, 1), table.nodeOf(b, 1)], ['node-1', 'node-1']);
  table.met(a, 'node-2', 10);
  table.told('node-1', ['a', 'b'], 20);
  assert.equal(table.nodeOf(a, 21), 'node-2', 'where it went since');
  table.told('node-1', ['a'], 30);
  assert.deepEqual([table.nodeOf(a, 31), table.nodeOf(b, 31)], ['node-2', undefined]);
  table.told('node-2', ['a'], 40);
  table.told('node-2', ['a'], 1_700_000);
  assert.equal(table.nodeOf(a, 2_000_000), 'node-2', 'as long as it is warm');
  table.told('node-2', [], 2_000_000);
  assert.equal(table.nodeOf(a, 2_000_000), undefined);
});
