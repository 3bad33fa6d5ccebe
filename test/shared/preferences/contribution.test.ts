import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Contribution, decide, YIELD_CODES } from '../../../shared/preferences/contribution.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../shared/preferences/preferences.ts';
import { NOTHING_KNOWN, type Presence, unknownSensors } from '../../../shared/preferences/presence.ts';
import type { Wish } from '../../../shared/preferences/wish.ts';

const MINUTE_MS = 60_000;
const wall = (at: number): number => Math.floor(at / MINUTE_MS) % (7 * 24 * 60);
const QUIET: Presence = {
  idle_s: 0,
  locked: false,
  power: 'mains',
  heat: 'normal',
  programs: ['systemd', 'EldenRing.exe'],
  game: null,
  full_screen: false,
  other_gpu_percent: 0,
  metered: false,
  suspending: false,
};

type Changes = Omit<Partial<Preferences>, 'games'> & { games?: Partial<Preferences['games']> };
function decided(
  changes: Changes = {},
  presence: Partial<Presence> = {},
  wish: Wish = { state: 'contribute' },
  now = 0,
) {
  const preferences = { ...DEFAULT_PREFERENCES, ...changes, games: { ...DEFAULT_PREFERENCES.games, ...changes.games } };
  return decide(preferences, { ...QUIET, ...presence }, { now, wish, wall });
}
function codeOf(contribution: Contribution): string {
  return contribution.contributing ? 'contributing' : contribution.code;
}

const sunday = { policy: { hours: ['sun 01:00-02:00'] } };
const hereNever = {
  profiles: {
    here: { contribute: false, slots: 1, duty_percent: 100 },
    away: { contribute: true, slots: 4, duty_percent: 100 },
  },
};

const cases: [name: string, expected: string, changes: Changes, presence: Partial<Presence>, wish?: Wish][] = [
  ['nothing speaks against it', 'contributing', {}, {}],
  ['nothing at all is known of the machine', 'contributing', {}, NOTHING_KNOWN],
  ['the owner has paused it', 'paused', {}, {}, { state: 'paused', until: null }],
  ['a pause has ended', 'contributing', {}, {}, { state: 'paused', until: 0 }],
  ['the owner wants the current job finished', 'finishing', {}, {}, { state: 'finish' }],
  ['a game says that it is one', 'game', {}, { game: 'Elden Ring' }],
  ['a game runs and detection is off', 'contributing', { games: { detect: false } }, { game: 'Elden Ring' }],
  ['a listed program runs, however it is spelled', 'game', { games: { programs: ['eldenring'] } }, {}],
  ['a listed program does not run', 'contributing', { games: { programs: ['witcher3'] } }, {}],
  ['a listed program runs and detection is off', 'game', { games: { detect: false, programs: ['eldenring.exe'] } }, {}],
  ['something fills the screen', 'full_screen', {}, { full_screen: true }],
  ['the machine is on battery', 'battery', {}, { power: 'battery' }],
  ['the machine is on battery and may be', 'contributing', { contribute_on_battery: true }, { power: 'battery' }],
  ['the machine is hot', 'heat', {}, { heat: 'hot' }],
  ['others use the GPU', 'gpu_busy', {}, { other_gpu_percent: 31 }],
  ['others use the GPU a little', 'contributing', {}, { other_gpu_percent: 30 }],
  ['others use the GPU and nobody minds', 'contributing', { other_gpu_load_percent: null }, { other_gpu_percent: 99 }],
  ['the network is metered', 'metered', {}, { metered: true }],
  ['it is outside the hours', 'hours', sunday, {}],
  ['it is outside the hours and the owner insists', 'contributing', sunday, {}, { state: 'insist', until: 1 }],
  ['the owner has insisted too long ago', 'hours', sunday, {}, { state: 'insist', until: 0 }],
  ['the owner insists while a game runs', 'game', {}, { game: 'Elden Ring' }, { state: 'insist', until: 1 }],
  ['the person is here and wants to be alone', 'in_use', hereNever, {}],
  ['the person is away', 'contributing', hereNever, { idle_s: 300 }],
  ['the screen is locked', 'contributing', hereNever, { locked: true }],
  ['nobody knows whether the person is here', 'in_use', hereNever, { idle_s: 'unknown', locked: 'unknown' }],
  ['the machine goes to sleep', 'sleep', {}, { suspending: true }],
];
for (const [name, expected, changes, presence, wish] of cases) {
  test(`says ${expected} when ${name}`, () => assert.equal(codeOf(decided(changes, presence, wish)), expected));
}

test('names the program, the countdown and the next opening in the line for the owner', () => {
  const said = (...asked: Parameters<typeof decided>) => decided(...asked).reason;
  assert.equal(said({ games: { programs: ['eldenring'] } }), 'Paused: EldenRing.exe is running');
  assert.equal(said({}, { game: 'Elden Ring' }), 'Paused: game detected (Elden Ring)');
  assert.equal(said(hereNever, { idle_s: 130 }), 'Paused: you are here, idle 02:10 of 05:00');
  assert.equal(said(sunday), 'Paused: outside your schedule until Sun 01:00');
  assert.equal(
    said({}, { idle_s: 'unknown', locked: 'unknown' }),
    'Contributing; this system does not tell whether you are here',
  );
});

test('lets what runs end in peace only where the schedule or the owner says so', () => {
  const finish = (contribution: Contribution) => !contribution.contributing && contribution.finishRunning;
  assert.equal(finish(decided(sunday)), true);
  assert.equal(finish(decided({ ...sunday, finish_at_schedule_end: false })), false);
  assert.equal(finish(decided({}, {}, { state: 'finish' })), true);
  assert.equal(finish(decided({}, { game: 'Elden Ring' })), false);
  assert.equal(finish(decided({}, {}, { state: 'paused', until: null })), false);
});

const idle = fc.oneof(fc.nat(1_000), fc.constant('unknown' as const));
const maybe = fc.constantFrom(true, false, 'unknown' as const);
const anyPresence: fc.Arbitrary<Presence> = fc.record({
  idle_s: idle,
  locked: maybe,
  power: fc.constantFrom('mains', 'battery', 'unknown'),
  heat: fc.constantFrom('normal', 'hot', 'unknown'),
  programs: fc.oneof(fc.array(fc.constantFrom('a', 'B.exe', 'c')), fc.constant('unknown' as const)),
  game: fc.constantFrom(null, 'Elden Ring', 'unknown'),
  full_screen: maybe,
  other_gpu_percent: fc.oneof(fc.nat(100), fc.constant('unknown' as const)),
  metered: maybe,
  suspending: fc.boolean(),
});
const profile = fc.record({
  contribute: fc.boolean(),
  slots: fc.integer({ min: 1, max: 8 }),
  duty_percent: fc.integer({ min: 10, max: 100 }),
});
const anyPreferences: fc.Arbitrary<Preferences> = fc
  .record({
    policy: fc.constantFrom<Preferences['policy'][]>({}, { hours: ['mon-fri 18:00-08:00'] }, { hours: [] }),
    profiles: fc.record({ here: profile, away: profile }),
    away_after_s: fc.integer({ min: 30, max: 900 }),
    games: fc.record({ detect: fc.boolean(), programs: fc.subarray(['a', 'b']) }),
    other_gpu_load_percent: fc.constantFrom(null, 5, 50),
    contribute_on_battery: fc.boolean(),
    contribute_when_hot: fc.boolean(),
    contribute_on_metered_network: fc.boolean(),
    finish_at_schedule_end: fc.boolean(),
    unload_after_s: fc.constantFrom(null, 900),
  })
  .map((some) => ({ ...DEFAULT_PREFERENCES, ...some }));
const moment = fc.nat(7 * 24 * 60 * MINUTE_MS * 3);
const anyWish: fc.Arbitrary<Wish> = fc.oneof(
  fc.constant<Wish>({ state: 'contribute' }),
  fc.constant<Wish>({ state: 'finish' }),
  moment.map((until): Wish => ({ state: 'insist', until })),
  fc.option(moment).map((until): Wish => ({ state: 'paused', until })),
);

test('always says one line, a known code, and no end that has passed', () => {
  fc.assert(
    fc.property(anyPreferences, anyPresence, anyWish, moment, (preferences, presence, wish, now) => {
      const contribution = decide(preferences, presence, { now, wish, wall });
      assert.match(contribution.reason, /^(Paused|Finishing|Contributing)[^\n]+$/);
      assert.equal(contribution.reason.startsWith('Contributing'), contribution.contributing);
      if (contribution.until !== null) assert.ok(contribution.until > now);
      if (!contribution.contributing) assert.ok(YIELD_CODES.includes(contribution.code));
    }),
  );
});

test('never yields for a reason that its owner has switched off, or that a sensor has not seen', () => {
  fc.assert(
    fc.property(anyPreferences, anyPresence, anyWish, moment, (preferences, presence, wish, now) => {
      const contribution = decide(preferences, presence, { now, wish, wall });
      const code = codeOf(contribution);
      if (code === 'battery') assert.ok(presence.power === 'battery' && !preferences.contribute_on_battery);
      if (code === 'heat') assert.ok(presence.heat === 'hot' && !preferences.contribute_when_hot);
      if (code === 'metered') assert.ok(presence.metered === true && !preferences.contribute_on_metered_network);
      if (code === 'full_screen') assert.ok(presence.full_screen === true && preferences.games.detect);
      if (code === 'gpu_busy') assert.notEqual(preferences.other_gpu_load_percent, null);
    }),
  );
});

test('a pause outweighs everything, and an insisting owner never outweighs harm', () => {
  fc.assert(
    fc.property(anyPreferences, anyPresence, moment, (preferences, presence, now) => {
      const paused = decide(preferences, presence, { now, wish: { state: 'paused', until: now + 1 }, wall });
      assert.equal(codeOf(paused), 'paused');
      const insisting = decide(preferences, presence, { now, wish: { state: 'insist', until: now + 1 }, wall });
      assert.ok(!['hours', 'in_use', 'paused'].includes(codeOf(insisting)));
      const plain = decide(preferences, presence, { now, wish: { state: 'contribute' }, wall });
      if (plain.contributing) assert.ok(insisting.contributing);
    }),
  );
});

test('names the sensors that say nothing', () => {
  assert.deepEqual(unknownSensors(QUIET), []);
  assert.deepEqual(unknownSensors({ ...QUIET, heat: 'unknown', idle_s: 'unknown' }), ['idle_s', 'heat']);
});
