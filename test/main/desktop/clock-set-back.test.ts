/** A machine whose clock is set back by an hour, as after a start or a sleep: what only waits for time to pass does not wait that hour. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countCrashes } from '../../../main/headless/inference/count-crashes.ts';
import { watchPresence } from '../../../main/headless/presence/watch-presence.ts';
import { createContributionKeeper } from '../../../main/node/contribution-keeper.ts';
import { createModelUses } from '../../../main/node/model-uses.ts';
import { createDownloadMeter } from '../../../shared/downloads/download-meter.ts';
import { createOwnerPolicy } from '../../../shared/policy/owner-policy.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { NOTHING_KNOWN, type Presence } from '../../../shared/preferences/presence.ts';

const NOON = Date.UTC(2026, 10, 21, 12);
const HOUR_MS = 3_600_000;

function openKeeper() {
  const world = { now: NOON, presence: { ...NOTHING_KNOWN } as Presence };
  const policy = createOwnerPolicy({ now: () => world.now });
  const keeper = createContributionKeeper({
    preferences: () => DEFAULT_PREFERENCES,
    wish: () => ({ state: 'contribute' }),
    keepWish: () => undefined,
    presence: () => world.presence,
    policy,
    runningJobs: () => 0,
    freeMemory: async () => undefined,
    now: () => world.now,
    onChange: () => undefined,
  });
  const pass = (seconds: number): void => {
    for (let second = 0; second < seconds; second++) {
      world.now += 1_000;
      keeper.tick();
    }
  };
  return { world, keeper, policy, pass };
}

test('a machine that wakes up contributes after its moment of calm', () => {
  const { world, policy, pass } = openKeeper();
  world.presence = { ...NOTHING_KNOWN, suspending: true };
  pass(1);
  world.presence = { ...NOTHING_KNOWN };
  pass(1);
  assert.equal(policy.shown().reason, 'sleep');
  world.now -= HOUR_MS;
  pass(10);
  assert.equal(policy.isOpen(), true);
});

test('a session that went on is waited for a minute, and for no more', () => {
  const { world, keeper, policy, pass } = openKeeper();
  keeper.leave();
  world.now -= HOUR_MS;
  pass(30);
  assert.equal(policy.shown().reason, 'session_end');
  assert.ok((policy.shown().changes_at ?? 0) <= world.now + 60_000);
  pass(35);
  assert.equal(policy.isOpen(), true);
});

test('a game that begins is seen', async () => {
  let now = NOON;
  let game: string | null = null;
  const sensor = { everyMs: 1_000, read: async () => ({ game }) };
  const watch = watchPresence(
    [sensor],
    () => ({}),
    () => undefined,
    () => now,
  );
  await watch.look();
  now -= HOUR_MS;
  game = 'Elden Ring';
  for (let second = 0; second < 2; second++) {
    await watch.look();
    now += 1_000;
  }
  assert.equal(watch.current().game, 'Elden Ring');
});

test('what has crashed twice is tried again', () => {
  let now = NOON;
  const crashes = countCrashes(() => now);
  crashes.add(now);
  crashes.add(now);
  assert.equal(crashes.isTooSoon(), true);
  now -= HOUR_MS;
  assert.equal(crashes.isTooSoon(), true);
  now += 60_000;
  assert.equal(crashes.isTooSoon(), false);
});

test('a model that nobody asks leaves the memory', async () => {
  let now = NOON;
  const uses = createModelUses(() => now);
  await uses.during('m', async () => undefined);
  now -= HOUR_MS;
  assert.equal(uses.idleSince('m'), now);
  now += 60_000;
  assert.equal(uses.idleSince('m'), now - 60_000);
});

test('a download has a speed', () => {
  let now = NOON;
  const meter = createDownloadMeter(() => now);
  const note = (loadedBytes: number) =>
    meter.note({ model: 'm', file: 'model.onnx', loadedBytes, totalBytes: 100_000 });
  note(0);
  now -= HOUR_MS;
  for (let second = 1; second <= 12; second++) {
    now += 1_000;
    note(second * 1_000);
  }
  assert.equal(meter.read().bytesPerS, 1_000);
});
