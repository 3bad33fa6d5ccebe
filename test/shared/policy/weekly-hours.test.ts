import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import {
  HOURS_PATTERN,
  localWallClock,
  parseWeeklyHours,
  type WallClock,
} from '../../../shared/policy/weekly-hours.ts';

const MINUTE_MS = 60_000;
const WEEK = 7 * 24 * 60;
/** A wall on which the epoch was Sunday 00:00, and which nobody sets. */
const steady: WallClock = (at) => Math.floor(at / MINUTE_MS) % WEEK;
const at = (day: number, hour: number, minute = 0): number => ((day * 24 + hour) * 60 + minute) * MINUTE_MS;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

test('[O4] hours that end after midnight belong to the day on which they begin', () => {
  const hours = parseWeeklyHours(['mon-fri 18:00-08:00'], steady);
  assert.equal(hours.isOpen(at(1, 18)), true);
  assert.equal(hours.isOpen(at(1, 17, 59)), false);
  assert.equal(hours.isOpen(at(6, 7, 59)), true, 'the night from Friday to Saturday');
  assert.equal(hours.isOpen(at(6, 8)), false);
  assert.equal(hours.isOpen(at(1, 3)), false, 'Sunday is not among the days');
});

test('[O4] the last night of the week goes over into the first, and a range of days may too', () => {
  assert.equal(parseWeeklyHours(['sat 23:00-01:00'], steady).isOpen(at(0, 0, 30)), true);
  const weekend = parseWeeklyHours(['fri-mon 12:00-13:00'], steady);
  assert.deepEqual(
    DAYS.filter((_, day) => weekend.isOpen(at(day, 12))),
    ['sun', 'mon', 'fri', 'sat'],
  );
});

test('[O4] a whole day is open, lines add up, and none at all is never', () => {
  const hours = parseWeeklyHours(['sun 00:00-24:00', 'mon 10:00-10:00'], steady);
  assert.equal(hours.isOpen(at(0, 23, 59)), true);
  assert.equal(hours.isOpen(at(1, 0)), false);
  assert.equal(hours.isOpen(at(2, 9, 59)), true, 'until the same time is a whole day');
  assert.equal(parseWeeklyHours([], steady).isOpen(0), false);
  assert.equal(parseWeeklyHours([], steady).changesAt(0), null);
  assert.equal(parseWeeklyHours(['sun-sat 00:00-24:00'], steady).changesAt(0), null);
});

const time = fc
  .tuple(fc.nat(23), fc.nat(59))
  .map(([h, m]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`);
const line = fc.tuple(fc.constantFrom(...DAYS), time, time).map(([day, from, to]) => `${day} ${from}-${to}`);

test('[O4] the next change is the first minute that differs, whatever is painted', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), fc.nat(WEEK - 1), (lines, minute) => {
      for (const one of lines) assert.match(one, new RegExp(HOURS_PATTERN));
      const hours = parseWeeklyHours(lines, steady);
      const now = minute * MINUTE_MS + 1_234;
      const change = hours.changesAt(now);
      const open = hours.isOpen(now);
      if (change === null) {
        for (let m = 0; m < WEEK; m++) assert.equal(hours.isOpen(m * MINUTE_MS), open);
        return;
      }
      assert.notEqual(hours.isOpen(change), open);
      assert.equal(hours.isOpen(change - 1), open);
      assert.equal(hours.changesAt(change - 1), change, 'also in the minute before it');
      assert.ok(change > now);
    }),
    { seed: 7, numRuns: 60 },
  );
});

test('[O4] a wall that is set forward or back opens and closes by what it shows', () => {
  // At 02:00 of Sunday it is set to 03:00, as in spring.
  const spring: WallClock = (moment) => steady(moment < at(0, 2) ? moment : moment + 60 * MINUTE_MS);
  const inTheGap = parseWeeklyHours(['sun 02:15-02:45'], spring);
  assert.equal(inTheGap.changesAt(at(0, 1)), at(7, 1, 15), 'what the wall never shows comes a week later');
  const after = parseWeeklyHours(['sun 03:30-04:00'], spring);
  assert.equal(after.changesAt(at(0, 1)), at(0, 2, 30));
  // At 03:00 it is set back to 02:00, as in autumn.
  const autumn: WallClock = (moment) => steady(moment < at(0, 3) ? moment : moment - 60 * MINUTE_MS);
  const twice = parseWeeklyHours(['sun 02:30-03:00'], autumn);
  assert.equal(twice.isOpen(at(0, 2, 30)), true);
  assert.equal(twice.isOpen(at(0, 3, 30)), true);
  assert.equal(twice.changesAt(at(0, 2, 30)), at(0, 3));
});

test('[O4] what is no line of hours does not fit the pattern', () => {
  const pattern = new RegExp(HOURS_PATTERN);
  for (const wrong of [
    '',
    'mon',
    'mon 8-10',
    'mon 24:00-25:00',
    'mo 08:00-10:00',
    'mon 08:00 - 10:00',
    'mon- 08:00-10:00',
  ])
    assert.doesNotMatch(wrong, pattern, wrong);
  for (const right of ['mon 08:00-10:00', 'mon-fri 18:00-08:00', 'sat,sun 00:00-24:00', 'mon-wed,fri 00:00-00:00'])
    assert.match(right, pattern, right);
});

/** Runs something where the machine's clock shows the time of a place. */
function inZone(t: TestContext, zone: string): void {
  const before = process.env.TZ;
  process.env.TZ = zone;
  t.after(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });
}

test('[O4] hours are those of the machine, in summer and in winter', (t) => {
  inZone(t, 'Europe/Berlin');
  const nights = parseWeeklyHours(['sun-sat 22:00-07:00']);
  const changes = (iso: string): string => new Date(nights.changesAt(Date.parse(iso)) ?? 0).toISOString();
  assert.equal(nights.isOpen(Date.parse('2026-01-14T21:00:00Z')), true, '22:00 in winter');
  assert.equal(nights.isOpen(Date.parse('2026-07-15T20:00:00Z')), true, '22:00 in summer');
  assert.equal(nights.isOpen(Date.parse('2026-07-15T19:59:00Z')), false);
  assert.equal(changes('2026-03-28T22:00:00Z'), '2026-03-29T05:00:00.000Z', 'the night that lacks an hour');
  assert.equal(changes('2026-10-24T21:00:00Z'), '2026-10-25T06:00:00.000Z', 'the night that has one twice');
  assert.equal(nights.wallTime(Date.parse('2026-07-15T05:00:00Z')), 'Wed 07:00');
});

for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC']) {
  test(`[O4] the next change in ${zone} is the first minute at which the wall shows it`, (t) => {
    inZone(t, zone);
    const days = fc.integer({ min: 0, max: 364 });
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 4 }), days, fc.nat(1_439), (lines, day, minute) => {
        const hours = parseWeeklyHours(lines);
        const now = Date.UTC(2026, 0, 1 + day) + minute * MINUTE_MS;
        const change = hours.changesAt(now);
        if (change === null) return;
        for (let at = now; at < change; at += 7 * MINUTE_MS) assert.equal(hours.isOpen(at), hours.isOpen(now));
        assert.equal(hours.isOpen(change - MINUTE_MS), hours.isOpen(now));
        assert.notEqual(hours.isOpen(change), hours.isOpen(now));
        assert.equal(localWallClock(change) % 1, 0);
      }),
      { seed: 5, numRuns: 60 },
    );
  });
}
