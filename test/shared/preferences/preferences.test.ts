import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_PREFERENCES, gpuPreference, parsePreferences } from '../../../shared/preferences/preferences.ts';
import { EVERY_HOUR, gridOfHours, hoursOfGrid } from '../../../shared/preferences/week-grid.ts';
import { pauseEnd, wishAt } from '../../../shared/preferences/wish.ts';
import { isProblem } from '../../support/problems.ts';

test('takes the defaults, and names the place of a fault without its value', () => {
  assert.deepEqual(parsePreferences(structuredClone(DEFAULT_PREFERENCES)), DEFAULT_PREFERENCES);
  const wrong = { ...DEFAULT_PREFERENCES, games: { detect: true, programs: ['/home/ada/secret'] } };
  assert.throws(
    () => parsePreferences(wrong),
    isProblem('invalid_setting', /^The preferences are wrong at games\.programs\.0\.$/),
  );
  assert.throws(() => parsePreferences({ ...DEFAULT_PREFERENCES, extra: 1 }), isProblem('invalid_setting', /extra/));
  const paused = { ...DEFAULT_PREFERENCES, policy: { paused: true } };
  assert.throws(
    () => parsePreferences(paused),
    isProblem('invalid_setting', /policy/),
    'a pause is a wish, no preference',
  );
});

test('reads a document from before models left by themselves, as its owner had it', () => {
  const { unload_after_s: _, profiles, ...kept } = DEFAULT_PREFERENCES;
  const { duty_percent: __, ...here } = profiles.here;
  const { duty_percent: ___, ...away } = profiles.away;
  const old = { ...kept, version: 1, away_after_s: 60, profiles: { here: { ...here, slots: 7 }, away } };
  const read = parsePreferences(old);
  assert.deepEqual(read, {
    ...{ ...DEFAULT_PREFERENCES, away_after_s: 60, unload_after_s: 900 },
    profiles: { here: { contribute: true, slots: 7, duty_percent: 100 }, away: profiles.away },
  });
  assert.deepEqual(parsePreferences(read), read);
  const later = { ...DEFAULT_PREFERENCES, version: 3 };
  assert.throws(
    () => parsePreferences(later),
    isProblem('invalid_setting', /version/),
    'a later one is not guessed at',
  );
  for (const none of [null, 'x', [], { version: 1 }, { version: 1, profiles: null }]) {
    assert.throws(() => parsePreferences(none), isProblem('invalid_setting', /./));
  }
  const busy = { ...profiles, here: { ...profiles.here, duty_percent: 9 } };
  assert.throws(
    () => parsePreferences({ ...DEFAULT_PREFERENCES, profiles: busy }),
    isProblem('invalid_setting', /profiles\.here\.duty_percent/),
  );
});

test('a GPU that is not named is enabled and without a cap', () => {
  const gpus = { 'pci-0': { enabled: false, memory_bytes: 5 } };
  assert.deepEqual(gpuPreference({ ...DEFAULT_PREFERENCES, gpus }, 'pci-0'), gpus['pci-0']);
  assert.deepEqual(gpuPreference(DEFAULT_PREFERENCES, 'toString'), { enabled: true, memory_bytes: null });
});

test('what is painted is what is kept, whatever is painted', () => {
  const week = fc.array(fc.boolean(), { minLength: 168, maxLength: 168 });
  fc.assert(fc.property(week, (grid) => assert.deepEqual(gridOfHours(hoursOfGrid(grid)), { grid, isExact: true })));
  assert.deepEqual(gridOfHours(undefined).grid, EVERY_HOUR);
  assert.equal(hoursOfGrid(EVERY_HOUR), undefined);
  assert.throws(() => hoursOfGrid([true]), RangeError);
});

test('says that a schedule with half hours is more than its picture', () => {
  const { grid, isExact } = gridOfHours(['mon 18:30-19:00']);
  assert.equal(isExact, false);
  assert.deepEqual(
    grid.flatMap((isOpen, cell) => (isOpen ? [cell] : [])),
    [24 + 18],
  );
});

test('a pause ends when it says, the next morning, or with its owner alone', () => {
  const now = new Date(2026, 9, 24, 23, 59).getTime();
  assert.equal(pauseEnd('30m', now), now + 30 * 60_000);
  assert.equal(pauseEnd('1h', now), now + 3_600_000);
  assert.equal(pauseEnd('3h', now), now + 3 * 3_600_000);
  assert.equal(
    pauseEnd('tomorrow', now),
    new Date(2026, 9, 25, 8, 0).getTime(),
    'also when the clock is set back that night',
  );
  assert.equal(pauseEnd('resumed', now), null);
  assert.deepEqual(wishAt({ state: 'paused', until: 5 }, 4), { state: 'paused', until: 5 });
  assert.deepEqual(wishAt({ state: 'paused', until: 5 }, 5), { state: 'contribute' });
  assert.deepEqual(wishAt({ state: 'paused', until: null }, 9e15), { state: 'paused', until: null });
});
