import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InFlight } from '../../relay/in-flight.ts';

test('holds exactly what was added and not removed, whatever the order', () => {
  const steps = fc.array(fc.oneof(fc.constant('add' as const), fc.nat({ max: 30 })), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (actions) => {
      const inFlight = new InFlight<object>();
      const model = new Map<object, number>();
      const everAdded: [ticket: number, item: object][] = [];
      for (const action of actions) {
        if (action === 'add') {
          const item = {};
          const ticket = inFlight.add(item);
          model.set(item, ticket);
          everAdded.push([ticket, item]);
        } else {
          // Also again what was removed before, whose ticket another item may have by now.
          const [ticket, item] = everAdded[action % Math.max(1, everAdded.length)] ?? [action, {}];
          inFlight.remove(ticket, item);
          model.delete(item);
        }
        assert.equal(inFlight.size, model.size);
      }
      assert.deepEqual(new Set(inFlight), new Set(model.keys()));
      for (const [item, ticket] of model) assert.equal(inFlight.get(ticket), item);
    }),
    { seed: 20 },
  );
});

test('gives the tickets of removed items again instead of growing', () => {
  const inFlight = new InFlight<object>();
  for (let round = 0; round < 1_000; round += 1) {
    const item = {};
    assert.equal(inFlight.add(item), 0);
    inFlight.remove(0, item);
  }
  assert.equal(inFlight.get(0), undefined);
  assert.equal(inFlight.get(Number.NaN), undefined);
});
