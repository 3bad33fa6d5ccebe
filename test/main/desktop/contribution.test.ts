import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createContributionKeeper, nodePolicyOf } from '../../../main/node/contribution-keeper.ts';
import { createOwnerPolicy } from '../../../shared/policy/owner-policy.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../shared/preferences/preferences.ts';
import { NOTHING_KNOWN, type Presence } from '../../../shared/preferences/presence.ts';
import type { Wish } from '../../../shared/preferences/wish.ts';
import { SETTLED, startDesktop } from '../../support/desktop/desktop.ts';
import { settled } from '../../support/pending-timers.ts';

const MINUTE_MS = 60_000;

/** A keeper whose machine, clock and jobs are the test's. */
function openKeeper(first: { preferences?: Preferences; wish?: Wish } = {}) {
  const world = {
    now: 0,
    wish: first.wish ?? ({ state: 'contribute' } as Wish),
    preferences: first.preferences ?? DEFAULT_PREFERENCES,
    presence: { ...NOTHING_KNOWN } as Presence,
    jobs: 0,
    freed: 0,
    told: 0,
  };
  const policy = createOwnerPolicy({ now: () => world.now, wall: (at) => Math.floor(at / MINUTE_MS) % (7 * 24 * 60) });
  const closedAtFree: boolean[] = [];
  const keeper = createContributionKeeper({
    preferences: () => world.preferences,
    wish: () => world.wish,
    keepWish: (wish) => {
      world.wish = wish;
    },
    presence: () => world.presence,
    policy,
    runningJobs: () => world.jobs,
    freeMemory: async () => {
      closedAtFree.push(!policy.isOpen());
      world.freed += 1;
    },
    now: () => world.now,
    wall: (at) => Math.floor(at / MINUTE_MS) % (7 * 24 * 60),
    onChange: () => {
      world.told += 1;
    },
  });
  const see = (presence: Partial<Presence>, passMs = 0): void => {
    world.presence = { ...world.presence, ...presence };
    world.now += passMs;
    keeper.tick();
  };
  return { world, policy, keeper, see, closedAtFree };
}

test('a game closes the node in the same turn and frees memory once', () => {
  const { policy, world, see, closedAtFree, keeper } = openKeeper();
  assert.equal(policy.isOpen(), true);
  see({ game: 'Elden Ring' });
  assert.equal(policy.isOpen(), false);
  assert.equal(policy.finishesRunning(), false);
  assert.equal(policy.shown().reason, 'game');
  assert.doesNotMatch(JSON.stringify(policy.shown()), /Elden/);
  see({});
  see({}, 1_000);
  assert.equal(world.freed, 1);
  assert.deepEqual(closedAtFree, [true], 'nothing is freed while jobs may still come');
  assert.equal(keeper.current().reason, 'Paused: game detected (Elden Ring)');
});

test('after a game the machine waits a moment, and after a pause it does not', () => {
  const { policy, see, keeper } = openKeeper();
  see({ game: 'Elden Ring' });
  see({ game: null });
  see({}, 4_999);
  assert.equal(policy.isOpen(), false, 'a game may only be loading its next level');
  see({ game: 'Elden Ring' });
  see({ game: null }, 1);
  see({}, 4_999);
  assert.equal(policy.isOpen(), false, 'the moment begins anew');
  see({}, 1);
  assert.equal(policy.isOpen(), true);
  keeper.pause('30m');
  assert.equal(policy.isOpen(), false);
  keeper.contribute();
  assert.equal(policy.isOpen(), true);
});

test('finishing takes no new job, waits for the last and is a pause then', () => {
  const { policy, world, keeper, see } = openKeeper();
  world.jobs = 1;
  keeper.finishThenPause();
  assert.equal(policy.isOpen(), false);
  assert.equal(policy.finishesRunning(), true);
  assert.equal(world.freed, 0);
  world.jobs = 0;
  see({});
  assert.deepEqual(world.wish, { state: 'paused', until: null });
  assert.equal(world.freed, 1);
});

test('a pause ends by the clock, and its end is written down', () => {
  const { policy, world, keeper, see } = openKeeper();
  keeper.pause('1h');
  assert.equal(policy.shown().changes_at, 60 * MINUTE_MS);
  see({}, 60 * MINUTE_MS - 1);
  assert.equal(policy.isOpen(), false);
  see({}, 1);
  assert.equal(policy.isOpen(), true);
  assert.deepEqual(world.wish, { state: 'contribute' });
});

test('contributing by hand outweighs the schedule for an hour, also on the node itself', () => {
  const preferences = { ...DEFAULT_PREFERENCES, policy: { hours: ['sun 12:00-13:00'] } };
  const { policy, world, keeper, see } = openKeeper({ preferences });
  assert.equal(policy.isOpen(), false);
  assert.equal(policy.finishesRunning(), true, 'the edge of the schedule drains');
  keeper.contribute();
  assert.equal(policy.isOpen(), true);
  assert.equal(world.wish.state, 'insist');
  see({}, 60 * MINUTE_MS);
  assert.equal(policy.isOpen(), false);
  assert.equal(keeper.current().contributing, false);
});

test('contributing by hand outweighs a profile too, and nothing that goes on at the machine', () => {
  const { here, away } = DEFAULT_PREFERENCES.profiles;
  const resting = { ...DEFAULT_PREFERENCES, profiles: { here: { ...here, contribute: false }, away } };
  const rested = openKeeper({ preferences: resting });
  assert.equal(rested.keeper.current().contributing, false);
  rested.keeper.contribute();
  assert.equal(rested.world.wish.state, 'insist');
  assert.equal(rested.policy.isOpen(), true);
  const { world, see, keeper } = openKeeper();
  keeper.contribute();
  assert.deepEqual(world.wish, { state: 'contribute' }, 'there was nothing to outweigh');
  see({ game: 'Elden Ring' });
  keeper.contribute();
  assert.deepEqual(world.wish, { state: 'contribute' });
});

test('where nobody waits for jobs memory is freed under them, and nothing is told while nothing changes', async () => {
  const { world, see } = openKeeper();
  world.jobs = 1;
  see({ game: 'Elden Ring' });
  assert.equal(world.freed, 1);
  await settled();
  const { told } = world;
  see({});
  see({}, 1_000);
  assert.equal(world.told, told);
});

test('the node itself keeps the hours, unless the person insists, and lets jobs end where the preferences say so', () => {
  const policy = { hours: ['sun 12:00-13:00'], models: { allow: ['acme/*'] } };
  const preferences = { ...DEFAULT_PREFERENCES, policy, finish_at_schedule_end: false };
  assert.deepEqual(nodePolicyOf(preferences, false), { ...policy, finish_running: false });
  assert.deepEqual(nodePolicyOf(preferences, true), { models: policy.models, finish_running: false });
  const { keeper } = openKeeper({ wish: { state: 'paused', until: null } });
  assert.equal(keeper.slots(), DEFAULT_PREFERENCES.profiles.here.slots, 'also before it has ever contributed');
});

test('profiles change how many jobs there are at a time, and the relay is told', () => {
  const { policy, keeper, see } = openKeeper();
  let announcements = 0;
  policy.onChange(() => {
    announcements += 1;
  });
  assert.equal(keeper.slots(), 1);
  see({ idle_s: 299 });
  assert.equal(announcements, 0);
  see({ idle_s: 300 });
  assert.equal(keeper.slots(), 2);
  assert.equal(announcements, 1);
});

test('new preferences hold at once', () => {
  const { policy, world, see } = openKeeper();
  world.preferences = { ...DEFAULT_PREFERENCES, policy: { models: { allow: ['acme/*'] } } };
  see({});
  assert.deepEqual(policy.shown().models, { allow: ['acme/*'] });
});

/** Contributing as far as the owner is concerned: these tests have no relay. */
async function openApp(t: TestContext, wish: Wish = { state: 'contribute' }) {
  return await startDesktop(t, { stored: { ...SETTLED, wish } });
}

test('battery, heat on macOS, sleep and a listed program each pause with their reason', async (t) => {
  const { app, hands, sensed, tick, ask } = await openApp(t);
  hands.onBattery = true;
  hands.emitPower('on-battery');
  assert.equal(app.state().code, 'battery');
  hands.onBattery = false;
  hands.emitPower('on-ac');
  assert.equal(app.state().code, 'unpaired');
  hands.emitPower('suspend');
  assert.equal(app.state().code, 'sleep');
  hands.emitPower('resume');
  await ask('setPreferences', { ...DEFAULT_PREFERENCES, games: { detect: true, programs: ['witcher3'] } });
  sensed.programs = ['witcher3.exe'];
  await tick();
  assert.equal(app.state().reason, 'Paused: witcher3.exe is running');
});

test('a session that is asked to end closes the node for a minute, whatever is insisted on, and one that goes on opens it', () => {
  const { policy, world, see, keeper } = openKeeper({ wish: { state: 'insist', until: 10 * MINUTE_MS } });
  keeper.leave();
  assert.equal(policy.isOpen(), false);
  assert.equal(policy.finishesRunning(), false);
  assert.equal(policy.shown().reason, 'session_end');
  assert.equal(world.freed, 1);
  see({}, MINUTE_MS - 1);
  assert.equal(policy.isOpen(), false);
  see({}, 1);
  assert.equal(policy.isOpen(), true);
  assert.equal(keeper.current().why.is, 'insisting');
});

test('a pause and its countdown outlive the app, and so do preferences', async (t) => {
  const first = await openApp(t);
  await first.ask('pause', { for: '3h' });
  await first.ask('setPreferences', { ...DEFAULT_PREFERENCES, supervised: true });
  const second = await startDesktop(t, { stored: structuredClone(first.settingsFile.store) });
  assert.equal(second.app.state().code, 'paused');
  assert.equal(second.app.state().until, first.clock.now + 3 * 60 * MINUTE_MS);
  assert.equal((await second.ask('getPreferences')).supervised, true);
});

test('what this system cannot tell is named, and the window is told every change', async (t) => {
  const { app, tick, sensed, told } = await openApp(t);
  assert.deepEqual(app.state().unknown, [
    'locked',
    'heat',
    'programs',
    'game',
    'full_screen',
    'other_gpu_percent',
    'metered',
  ]);
  sensed.full_screen = true;
  await tick();
  assert.equal(told().code, 'full_screen');
  assert.ok(!told().unknown.includes('full_screen'));
});
