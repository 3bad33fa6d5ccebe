import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pacesOf } from '../../../../renderer/console/nodes/node-pace.ts';

type Measured = Parameters<typeof pacesOf>[0][number];

function nodeOf(id: string, speeds: Record<string, number>, more: Partial<Measured> = {}): Measured {
  const attempts = { succeeded: 10, failed: 0 };
  return { id, models: Object.keys(speeds), tokens_per_s: speeds, attempts, ...more };
}

function slowOf(...nodes: Measured[]): string[] {
  return [...pacesOf(nodes)].flatMap(([id, { isSlow }]) => (isSlow ? [id] : []));
}

test('a node is slow that makes less than half of what is usual among the others of its model', () => {
  assert.deepEqual(slowOf(nodeOf('a', { chat: 50 }), nodeOf('b', { chat: 52 }), nodeOf('c', { chat: 24 })), ['c']);
  assert.deepEqual(slowOf(nodeOf('a', { chat: 50 }), nodeOf('b', { chat: 52 }), nodeOf('c', { chat: 26 })), []);
  // One that is very fast makes nobody slow, as long as it is one among several.
  assert.deepEqual(slowOf(nodeOf('a', { chat: 50 }), nodeOf('b', { chat: 50 }), nodeOf('c', { chat: 900 })), []);
  assert.deepEqual(slowOf(nodeOf('a', { chat: 10 }), nodeOf('b', { chat: 50 })), ['a']);
});

test('a node is told by the model on which it is furthest behind, and models are not compared with each other', () => {
  const nodes = [
    nodeOf('a', { small: 200, large: 5 }),
    nodeOf('b', { small: 210, large: 20 }),
    nodeOf('c', { large: 22 }),
  ];
  assert.deepEqual(pacesOf(nodes).get('a'), {
    speed: { model: 'large', tokensPerS: 5, othersPerS: 20, share: 5 / 22 },
    isSlow: true,
    isFailing: false,
  });
  assert.equal(pacesOf(nodes).get('b')?.isSlow, false);
});

test('what was not measured, or is not served now, is no speed; alone a node is as fast as any', () => {
  const away = nodeOf('away', { chat: 1 }, { models: [] });
  const paces = pacesOf([nodeOf('a', { chat: 50 }), away, nodeOf('new', {}, { models: ['chat'] })]);
  assert.deepEqual([paces.get('away')?.speed, paces.get('new')?.speed], [null, null]);
  assert.deepEqual(paces.get('a'), {
    speed: { model: 'chat', tokensPerS: 50, othersPerS: null, share: 1 },
    isSlow: false,
    isFailing: false,
  });
  assert.deepEqual(slowOf(nodeOf('a', { chat: 0 }), nodeOf('b', { chat: 0 })), []);
  assert.deepEqual(pacesOf([]), new Map());
});

test('a node fails that fails more than one in ten, and more than a part of one, as long as it serves anything', () => {
  const isFailing = (succeeded: number, failed: number, models = ['chat']) =>
    pacesOf([nodeOf('a', {}, { attempts: { succeeded, failed }, models })]).get('a')?.isFailing;
  assert.equal(isFailing(0, 5, []), false);
  assert.deepEqual(
    [isFailing(9, 1), isFailing(8, 1), isFailing(0, 1), isFailing(1, 0.5), isFailing(0, 0)],
    [false, true, true, false, false],
  );
});
