import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFairLine, type FairLine, type Lined } from '../../../../relay/jobs/queue/fair-line.ts';

const anyModel = (): boolean => true;

function fill(line: FairLine<Lined>, apiKeyId: string, count: number, more: Partial<Lined> = {}): void {
  for (let number = 0; number < count; number++) line.add({ apiKeyId, model: 'm', priority: 0, number, ...more });
}

test('keys get turns in the proportion of their weights, spread out, whatever they have put in', () => {
  const anyKeys = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(anyKeys, fc.integer({ min: 1, max: 5 }), (weights, rounds) => {
      const line = createFairLine<Lined>((key) => weights[Number(key)] ?? 1);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const key of weights.keys()) fill(line, String(key), total * rounds * (key + 1));
      const turns = weights.map(() => 0);
      for (let turn = 0; turn < total * rounds; turn++) {
        const key = Number(line.take(anyModel)?.apiKeyId);
        turns[key] = (turns[key] ?? 0) + 1;
      }
      assert.deepEqual(
        turns,
        weights.map((weight) => weight * rounds),
      );
    }),
  );
});

test('a key that comes late waits for no more than the turn of each other key', () => {
  const line = createFairLine<Lined>(() => 1);
  fill(line, 'flood', 1_000);
  for (let turn = 0; turn < 100; turn++) line.take(anyModel);
  fill(line, 'late', 1);
  const next = [line.take(anyModel), line.take(anyModel)].map((item) => item?.apiKeyId);
  assert.ok(next.includes('late'), next.join());
});

test('within a key the higher priority goes first, then who came first, whatever their models; between keys it buys nothing', () => {
  const line = createFairLine<Lined>(() => 1);
  const job = (apiKeyId: string, number: number, priority: number): Lined => ({
    apiKeyId,
    model: `m${number % 2}`,
    priority,
    number,
  });
  for (const item of [job('a', 1, 0), job('a', 2, 5), job('a', 3, 5), job('b', 4, 0), job('b', 5, 0), job('b', 6, 0)]) {
    line.add(item);
  }
  const order = Array.from({ length: 6 }, () => line.take(anyModel)?.number);
  assert.deepEqual(
    order.filter((number) => (number ?? 9) < 4),
    [2, 3, 1],
  );
  assert.deepEqual(
    order.filter((number) => (number ?? 0) > 3),
    [4, 5, 6],
  );
  assert.ok(
    order.slice(0, 2).some((number) => number === 4),
    order.join(),
  );
});

test('gives out each job once, none of a model that cannot start, and loses none', () => {
  const anyJob = fc.record({
    apiKeyId: fc.constantFrom('a', 'b', 'c'),
    model: fc.constantFrom('m1', 'm2', 'm3'),
    priority: fc.integer({ min: -2, max: 2 }),
    number: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(anyJob), fc.subarray(['m1', 'm2', 'm3']), fc.integer({ min: 0, max: 9 }), (jobs, open, at) => {
      const line = createFairLine<Lined>(() => 2);
      for (const job of jobs) line.add(job);
      const removed = jobs[at];
      if (removed !== undefined) assert.ok(line.remove(removed));
      if (removed !== undefined) assert.ok(!line.remove(removed));
      const taken = new Set<Lined>();
      for (let item = line.take((model) => open.includes(model)); item !== undefined; ) {
        assert.ok(open.includes(item.model) && !taken.has(item) && item !== removed);
        taken.add(item);
        item = line.take((model) => open.includes(model));
      }
      const left = jobs.filter((job) => job !== removed && !taken.has(job));
      assert.ok(left.every(({ model }) => !open.includes(model)));
      assert.equal(line.size, left.length);
      assert.deepEqual(new Set(line.keys()), new Set(left.map(({ apiKeyId }) => apiKeyId)));
      assert.equal(line.sizeOf('a') + line.sizeOf('b') + line.sizeOf('c'), left.length);
    }),
  );
});

test('a key that may not run now is passed over, neither loses nor saves up turns, and holds up nobody', () => {
  const line = createFairLine<Lined>(() => 1);
  fill(line, 'paced', 3);
  fill(line, 'other', 3);
  const turns = (mayRun?: (apiKeyId: string) => boolean) => line.take(anyModel, mayRun)?.apiKeyId;
  const others = (apiKeyId: string): boolean => apiKeyId !== 'paced';
  assert.deepEqual(
    [turns(others), turns(others), turns(others), turns(others)],
    ['other', 'other', 'other', undefined],
  );
  assert.equal(line.sizeOf('paced'), 3);
  fill(line, 'other', 3);
  assert.deepEqual([turns(), turns(), turns(), turns()].sort(), ['other', 'other', 'paced', 'paced']);
});
