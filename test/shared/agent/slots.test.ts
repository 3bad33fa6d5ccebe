import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSlots } from '../../../shared/agent/slots.ts';

test('[J3] never more slots are taken than there are, and each is given back once', () => {
  fc.assert(
    fc.property(fc.nat(4), fc.array(fc.oneof(fc.constant('take' as const), fc.nat(20))), (total, steps) => {
      const slots = createSlots(total);
      const held: (() => void)[] = [];
      const given = new Set<() => void>();
      for (const step of steps) {
        if (step === 'take') {
          const release = slots.tryTake();
          assert.equal(release === undefined, held.length - given.size === total);
          if (release !== undefined) held.push(release);
        } else {
          const release = held[step % Math.max(1, held.length)];
          release?.();
          if (release !== undefined) given.add(release);
        }
        assert.equal(slots.used(), held.length - given.size);
        assert.ok(slots.used() <= total);
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('a host that changes its mind about how many is asked each time', () => {
  let most = 1;
  const slots = createSlots(() => most);
  const release = slots.tryTake();
  assert.equal(slots.tryTake(), undefined);
  most = 2;
  assert.equal(slots.total, 2);
  assert.ok(slots.tryTake());
  most = 1;
  release?.();
  assert.equal(slots.tryTake(), undefined, 'what runs ends by itself; nothing new begins');
});

test('[O5] a node that is closed has no slots, and what runs on it keeps its own', () => {
  let isOpen = true;
  const slots = createSlots(2, () => isOpen);
  const release = slots.tryTake();
  isOpen = false;
  assert.deepEqual([slots.total, slots.used(), slots.tryTake()], [0, 1, undefined]);
  isOpen = true;
  assert.deepEqual([slots.total, slots.used()], [2, 1]);
  release?.();
  assert.equal(slots.used(), 0);
});
