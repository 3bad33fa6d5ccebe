import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BUDGET_DURATION, periodAt } from '../../../shared/credits/budget-period.ts';

const shown = (duration: string, at: string): (string | undefined)[] => {
  const { startsAt, renewsAt } = periodAt(duration, Date.parse(at));
  return [startsAt, renewsAt ?? Number.NaN].map((time) => new Date(time).toISOString().replace(':00.000Z', ''));
};

test('periods follow the calendar of UTC', () => {
  assert.deepEqual(shown('1d', '2026-11-23T23:59:59.999Z'), ['2026-11-23T00:00', '2026-11-24T00:00']);
  // A Monday.
  assert.deepEqual(shown('1w', '2026-11-23T00:00Z'), ['2026-11-23T00:00', '2026-11-30T00:00']);
  assert.deepEqual(shown('1w', '2026-11-22T23:59Z'), ['2026-11-16T00:00', '2026-11-23T00:00']);
  assert.deepEqual(shown('1mo', '2028-02-29T12:00Z'), ['2028-02-01T00:00', '2028-03-01T00:00']);
  assert.deepEqual(shown('3mo', '2026-11-23T01:00Z'), ['2026-10-01T00:00', '2027-01-01T00:00']);
  assert.deepEqual(shown('12h', '2026-11-23T13:00Z'), ['2026-11-23T12:00', '2026-11-24T00:00']);
  assert.deepEqual(shown('30m', '2026-11-23T13:31Z'), ['2026-11-23T13:30', '2026-11-23T14:00']);
});

test('a budget without a duration is for ever', () => {
  assert.deepEqual(periodAt(null, 5), { startsAt: 0, renewsAt: null });
});

test('every time lies in one period, and the next begins where it ends', () => {
  const durations = fc.tuple(fc.integer({ min: 1, max: 9_999 }), fc.constantFrom('s', 'm', 'h', 'd', 'w', 'mo'));
  fc.assert(
    fc.property(durations, fc.integer({ min: 0, max: 4e12 }), ([count, unit], at) => {
      const duration = `${count}${unit}`;
      assert.match(duration, new RegExp(BUDGET_DURATION));
      const { startsAt, renewsAt } = periodAt(duration, at);
      assert.ok(renewsAt !== null && startsAt <= at && at < renewsAt);
      assert.deepEqual(periodAt(duration, startsAt), { startsAt, renewsAt });
      assert.equal(periodAt(duration, renewsAt).startsAt, renewsAt);
    }),
    { seed: 159 },
  );
});

test('what is no duration is one nowhere', () => {
  for (const text of ['', '0d', '1', 'd', '1y', '-1d', '1.5h', '10000d', '1d ', '1 d', '30D', '1d\n']) {
    assert.doesNotMatch(text, new RegExp(BUDGET_DURATION), JSON.stringify(text));
  }
  assert.throws(() => periodAt('1y', 0), RangeError);
});
