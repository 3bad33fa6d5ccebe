import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type NumberBounds, numberWithin } from '../../../../shared/runtimes/constraints/decimal.ts';
import { readerOf } from '../../../support/models/grammar-text.ts';

const NONE: NumberBounds = {
  integer: false,
  minimum: null,
  maximum: null,
  exclusiveMinimum: null,
  exclusiveMaximum: null,
  multipleOf: null,
};

function readerWithin(bounds: Partial<NumberBounds>): (text: string) => boolean {
  return readerOf(({ terms }) => terms.leaf(numberWithin({ ...NONE, ...bounds })));
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });

test('lets exactly the whole numbers through that are within the bounds', () => {
  const bound = maybe(fc.integer({ min: -130, max: 130 }));
  const bounds = fc.record({
    minimum: bound,
    maximum: bound,
    exclusiveMinimum: bound,
    exclusiveMaximum: bound,
    multipleOf: maybe(fc.integer({ min: 1, max: 40 })),
  });
  fc.assert(
    fc.property(bounds, (some) => {
      const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = some;
      const isWithin = (value: number): boolean =>
        value >= (minimum ?? -1e9) &&
        value <= (maximum ?? 1e9) &&
        value > (exclusiveMinimum ?? -1e9) &&
        value < (exclusiveMaximum ?? 1e9) &&
        value % (multipleOf ?? 1) === 0;
      const values = Array.from({ length: 401 }, (_, at) => at - 200);
      if (!values.some(isWithin)) return;
      const reads = readerWithin({ integer: true, ...some });
      for (const value of values) assert.equal(reads(String(value)), isWithin(value), `${value}`);
    }),
    { numRuns: 60, seed: 1 },
  );
});

test('lets exactly the decimals through that are within the bounds', () => {
  const bound = fc.double({ min: -20, max: 20, noNaN: true });
  fc.assert(
    fc.property(bound, bound, fc.boolean(), (one, other, isOpen) => {
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      fc.pre(high - low > 0.01);
      const reads = readerWithin(
        isOpen ? { exclusiveMinimum: low, exclusiveMaximum: high } : { minimum: low, maximum: high },
      );
      for (let step = -250; step <= 250; step++) {
        const text = (step / 10).toFixed(1);
        const value = Number(text);
        if (Object.is(value, -0) || text === '-0.0') continue;
        assert.equal(reads(text), isOpen ? value > low && value < high : value >= low && value <= high, text);
      }
    }),
    { numRuns: 60, seed: 2 },
  );
});

test('keeps a bound apart from its nearest neighbours', () => {
  const reads = readerWithin({ exclusiveMinimum: 0.1, maximum: 0.3 });
  assert.deepEqual(
    [
      '0.1',
      '0.10',
      '0.100000000000001',
      '0.10000000000001',
      '0.3',
      '0.30',
      '0.300000000000001',
      '0.30000000000001',
    ].map(reads),
    [false, false, false, true, true, true, false, false],
  );
});

test('writes numbers as JSON has them and nothing else', () => {
  const reads = readerWithin({ minimum: -5, maximum: 5 });
  for (const good of ['0', '-1', '4.25', '0.000001', '-0.5']) assert.ok(reads(good), good);
  for (const bad of ['', '-', '00', '01', '1.', '.5', '-0', '-0.0', '+1', '1e0', '5.000001', '--1']) {
    assert.ok(!reads(bad), bad);
  }
});

test('knows the shortest number within bounds, and when there is none', () => {
  const cost = (bounds: Partial<NumberBounds>): number => numberWithin({ ...NONE, ...bounds }).cost;
  assert.equal(cost({ minimum: 3, maximum: 120 }), 1);
  assert.equal(cost({ minimum: 100 }), 3);
  assert.equal(cost({ maximum: -1_000 }), 5);
  assert.equal(cost({ exclusiveMinimum: 2, exclusiveMaximum: 3 }), 3);
  assert.equal(cost({ exclusiveMinimum: 2.25, exclusiveMaximum: 2.26 }), 5);
  assert.equal(cost({ minimum: 50, multipleOf: 49 }), 2);
  assert.equal(cost({ integer: true, exclusiveMinimum: 2, exclusiveMaximum: 3 }), Number.POSITIVE_INFINITY);
  assert.equal(cost({ minimum: 5, maximum: 4 }), Number.POSITIVE_INFINITY);
  assert.equal(cost({ minimum: 1e300 }), Number.POSITIVE_INFINITY);
  assert.equal(cost({ minimum: -1e300, maximum: 1e-300 }), 1);
});
