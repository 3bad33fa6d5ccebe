import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createOwnerCare } from '../../../../main/headless/presence/owner-care.ts';
import { systemSensors } from '../../../../main/headless/presence/system-sensors.ts';
import type { Sensor } from '../../../../main/headless/presence/watch-presence.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../../shared/preferences/preferences.ts';
import type { Presence } from '../../../../shared/preferences/presence.ts';
import { settled } from '../../../support/pending-timers.ts';

type Said = { level: string; message: string; rules: unknown };

/** The care of a machine whose sensors and clock are the test's. */
function open(t: TestContext, first?: Preferences) {
  const world = {
    now: 0,
    preferences: first,
    seen: {} as Partial<Presence>,
    asked: [] as string[],
    changes: 0,
    heard: 0,
    said: [] as Said[],
  };
  const note =
    (level: string) =>
    ({ rules }: Record<string, unknown>, message: string): void =>
      void world.said.push({ level, message, rules });
  const sensorOf = (part: keyof Presence, wants: (part: keyof Presence) => boolean): Sensor => ({
    everyMs: 1_000,
    isWanted: () => wants(part),
    watch: () => {
      world.heard += 1;
      return () => undefined;
    },
    read: async () => {
      world.asked.push(part);
      return part in world.seen ? { [part]: world.seen[part] } : {};
    },
  });
  const care = createOwnerCare({
    preferences: () => world.preferences,
    sensors: (wants) => (['game', 'power', 'metered'] as const).map((part) => sensorOf(part, wants)),
    onChange: () => {
      world.changes += 1;
    },
    now: () => world.now,
    log: { info: note('info'), warn: note('warn'), error: note('error') },
  });
  t.after(care.close);
  /** The sensors are asked, and have answered. */
  const look = async (passMs = 1_000): Promise<void> => {
    world.now += passMs;
    await care.look();
    await settled();
  };
  return { world, care, look };
}

const ONLY_BATTERY: Preferences = {
  ...DEFAULT_PREFERENCES,
  games: { detect: false, programs: [] },
  other_gpu_load_percent: null,
  contribute_when_hot: true,
  contribute_on_metered_network: true,
};

test('without preferences nothing is looked at, said or closed', async (t) => {
  const { world, care, look } = open(t);
  world.seen = { power: 'battery' };
  await look();
  assert.deepEqual([world.asked, world.said, care.rules(), care.yielding()], [[], [], [], undefined]);
  assert.equal(world.heard, 0);
  world.preferences = ONLY_BATTERY;
  await look();
  assert.equal(world.heard, 1, 'what the system tells of its battery is heard from then on, and nothing else');
});

test('only what a rule needs is looked at, and a document that comes later, or goes, holds at once', async (t) => {
  const { world, care, look } = open(t, ONLY_BATTERY);
  world.seen = { power: 'battery', game: 'Elden Ring' };
  await look();
  assert.deepEqual(world.asked, ['power']);
  assert.equal(care.yielding()?.code, 'battery');
  world.preferences = { ...ONLY_BATTERY, contribute_on_battery: true, games: { detect: true, programs: [] } };
  await look(0);
  assert.deepEqual(world.asked, ['power', 'game']);
  assert.equal(care.yielding()?.code, 'game');
  world.preferences = undefined;
  await look();
  assert.deepEqual(world.asked, ['power', 'game']);
  world.now += 5_000;
  care.yielding();
  world.now += 5_000;
  assert.equal(care.yielding(), undefined);
});

test('what nobody tells is said once for each document, when it has been looked for, and closes nothing', async (t) => {
  const { world, care, look } = open(t, DEFAULT_PREFERENCES);
  world.seen = { power: 'mains' };
  const first = care.look();
  assert.equal(world.said.length, 0, 'nobody has answered yet');
  await first;
  const [followed, untold] = world.said;
  assert.deepEqual(followed, { level: 'info', message: 'this node yields to its owner', rules: 'battery' });
  assert.equal(untold?.level, 'warn');
  assert.match(untold?.message ?? '', /cannot be followed here/);
  assert.equal(
    untold?.rules,
    'games, full-screen programs, other load on the GPU, heat, metered networks, keyboard and mouse',
  );
  assert.equal(care.yielding(), undefined);
  await look();
  await look();
  assert.equal(world.said.length, 2);
  world.preferences = ONLY_BATTERY;
  await look();
  assert.deepEqual(
    world.said.slice(2).map(({ rules }) => rules),
    ['battery', 'keyboard and mouse'],
  );
});

test('a game closes in the turn in which it is seen, and opens when it has stayed away for five seconds', async (t) => {
  const { world, care, look } = open(t, DEFAULT_PREFERENCES);
  world.seen = { game: 'Elden Ring', power: 'mains', metered: false };
  await look();
  assert.ok(world.changes > 0);
  const yielding = care.yielding();
  assert.deepEqual([yielding?.code, yielding?.finishRunning], ['game', false]);
  world.seen = { ...world.seen, game: null };
  await look();
  assert.equal(care.yielding()?.code, 'game');
  await look(4_999);
  assert.equal(care.yielding()?.code, 'game');
  await look(1);
  assert.equal(care.yielding(), undefined);
});

test('a network is dear while it is metered and the owner has not said that it may be used all the same', async (t) => {
  const { world, care, look } = open(t);
  world.seen = { metered: true };
  await look();
  assert.equal(care.isDear(), false);
  world.preferences = { ...DEFAULT_PREFERENCES, contribute_on_metered_network: false };
  await look();
  assert.equal(care.isDear(), true);
  world.preferences = { ...DEFAULT_PREFERENCES, contribute_on_metered_network: true };
  assert.equal(care.isDear(), false);
  world.preferences = { ...DEFAULT_PREFERENCES, contribute_on_metered_network: false };
  world.seen = { metered: 'unknown' };
  await look();
  assert.equal(care.isDear(), false);
});

test('every rule that a system may tell enough for has a sensor, and none is asked when no rule needs it', async () => {
  const options = {
    platform: 'aix' as NodeJS.Platform,
    env: {},
    ownProcesses: () => undefined,
    isComputing: () => false,
    doesMeteredMatter: () => true,
  };
  const parts = new Set<string>();
  for (const sensor of systemSensors(options)) for (const part of Object.keys(await sensor.read())) parts.add(part);
  const told = ['full_screen', 'game', 'heat', 'metered', 'other_gpu_percent', 'power', 'programs'];
  assert.deepEqual([...parts].sort(), told);
  for (const sensor of systemSensors({ ...options, wants: () => false })) assert.equal(sensor.isWanted?.(), false);
});
