import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createOwnerWish } from '../../../../main/headless/control/owner-wish.ts';
import type { NodePolicy } from '../../../../shared/policy/node-policy.ts';
import { createOwnerPolicy } from '../../../../shared/policy/owner-policy.ts';
import type { Yielding } from '../../../../shared/preferences/contribution.ts';
import { collectLog } from '../../../support/log.ts';
import { noFileSentence, withEachNoFile } from '../../../support/no-files.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

type Given = { policy?: NodePolicy; folder?: string };

/** The wish of a node whose clock and jobs are the test's. */
function open(t: TestContext, { policy: rules = {}, folder = temporaryFolder(t) }: Given = {}) {
  const world = { now: 1_000, jobs: 0, freed: 0, care: undefined as Yielding | undefined };
  const path = join(folder, 'wish.json');
  const log = collectLog();
  const policy = createOwnerPolicy({ policy: rules, now: () => world.now });
  const wish = createOwnerWish({
    path,
    policy,
    care: () => world.care,
    runningJobs: () => world.jobs,
    freeMemory: () => {
      world.freed += 1;
    },
    now: () => world.now,
    log,
  });
  return { world, path, folder, log, policy, wish };
}

test('a pause closes the node in the same turn, tells why and until when, and ends by the clock', (t) => {
  const { wish, policy, world } = open(t);
  assert.equal(policy.isOpen(), true);
  wish.say({ state: 'paused', until: 5_000 });
  assert.equal(policy.isOpen(), false);
  assert.deepEqual([policy.shown().reason, policy.shown().changes_at], ['paused', 5_000]);
  world.now = 4_999;
  wish.tick();
  assert.equal(policy.isOpen(), false);
  world.now = 5_000;
  wish.tick();
  assert.equal(policy.isOpen(), true);
  assert.deepEqual(wish.current(), { state: 'contribute' });
});

test('whether jobs end in peace is what the policy says of a pause, and always so when the owner asks to finish', (t) => {
  const peaceful = open(t);
  peaceful.wish.say({ state: 'paused', until: null });
  assert.equal(peaceful.policy.finishesRunning(), true);
  const strict = open(t, { policy: { finish_running: false } });
  strict.world.jobs = 1;
  strict.wish.say({ state: 'finish' });
  assert.equal(strict.policy.finishesRunning(), true);
  assert.equal(strict.policy.shown().reason, 'finishing');
  strict.wish.say({ state: 'paused', until: null });
  assert.equal(strict.policy.finishesRunning(), false);
});

test('memory is freed when the last job has ended, and finishing is a pause from then on', (t) => {
  const { wish, policy, world } = open(t);
  world.jobs = 1;
  wish.say({ state: 'finish' });
  assert.equal(policy.isOpen(), false);
  wish.tick();
  assert.equal(world.freed, 0);
  world.jobs = 0;
  wish.tick();
  assert.deepEqual(wish.current(), { state: 'paused', until: null });
  assert.ok(world.freed > 0);
});

test('a pause beside a job that ends in peace frees memory after it', (t) => {
  const { wish, world } = open(t);
  world.jobs = 1;
  wish.say({ state: 'paused', until: null });
  wish.tick();
  assert.equal(world.freed, 0);
  world.jobs = 0;
  wish.tick();
  assert.ok(world.freed > 0);
});

test('memory is freed while the policy itself closes the node, by its hours or for good, and not before jobs have ended', (t) => {
  for (const closed of [{ paused: true }, { hours: ['mon 01:00-02:00'] }]) {
    const { wish, world, policy } = open(t, { policy: closed });
    assert.ok(world.freed > 0);
    policy.replace({});
    world.freed = 0;
    wish.tick();
    assert.equal(world.freed, 0, 'it is open');
    world.jobs = 1;
    policy.replace(closed);
    wish.tick();
    assert.equal(world.freed, 0);
    world.jobs = 0;
    wish.tick();
    assert.ok(world.freed > 0);
  }
});

test('a pause outlives the process, in a file that nobody else can read', (t) => {
  const { wish, path, folder } = open(t);
  wish.say({ state: 'paused', until: null });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const again = open(t, { folder });
  assert.equal(again.policy.isOpen(), false);
  again.wish.say({ state: 'contribute' });
  assert.equal(open(t, { folder }).policy.isOpen(), true);
});

test('a pause that ended while the process was away is over', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'wish.json'), JSON.stringify({ state: 'paused', until: 500 }));
  const { wish, policy } = open(t, { folder });
  wish.tick();
  assert.equal(policy.isOpen(), true);
});

test('a wish that cannot be read is a pause, and one that cannot be written is followed all the same', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'wish.json'), '{"state": "contri');
  const damaged = open(t, { folder });
  assert.equal(damaged.policy.isOpen(), false);
  assert.match(damaged.log.lines.join(), /cannot be read, so that this node is paused/);
  damaged.wish.say({ state: 'contribute' });
  assert.equal(damaged.policy.isOpen(), true);
  assert.equal(readFileSync(damaged.path, 'utf8'), '{"state":"contribute"}');
  const blocked = open(t);
  mkdirSync(blocked.path);
  blocked.wish.say({ state: 'paused', until: null });
  assert.equal(blocked.policy.isOpen(), false);
  assert.match(blocked.log.lines.join(), /is forgotten when this node ends/);
});

test('what is no file in the place of a wish ends the start, and is named with what to do', async (t) => {
  const folder = temporaryFolder(t);
  await withEachNoFile(join(folder, 'wish.json'), (kind) =>
    assert.throws(() => open(t, { folder }), isProblem('data_folder_unusable', noFileSentence('wish.json', kind))),
  );
});

const BATTERY: Yielding = {
  contributing: false,
  code: 'battery',
  why: { is: 'battery' },
  reason: 'Paused: on battery',
  until: null,
  finishRunning: false,
};

test('a rule of the owner closes the node with its code, hands jobs back, frees memory after them, and opens it again', (t) => {
  const { wish, policy, world } = open(t);
  world.jobs = 1;
  world.care = BATTERY;
  wish.tick();
  assert.deepEqual([policy.isOpen(), policy.finishesRunning(), policy.shown().reason], [false, false, 'battery']);
  assert.equal(world.freed, 0);
  world.jobs = 0;
  wish.tick();
  assert.equal(world.freed, 1);
  world.care = undefined;
  wish.tick();
  assert.equal(policy.isOpen(), true);
  assert.deepEqual(wish.current(), { state: 'contribute' }, 'nothing was said by hand');
});

test('a job that may end in peace in a pause, or is finished, is handed back when a rule needs the machine', (t) => {
  const { wish, policy, world } = open(t);
  world.jobs = 1;
  for (const state of ['paused', 'finish'] as const) {
    world.care = undefined;
    wish.say(state === 'paused' ? { state, until: null } : { state });
    assert.equal(policy.finishesRunning(), true);
    world.care = BATTERY;
    wish.tick();
    assert.equal(policy.finishesRunning(), false);
    assert.equal(policy.shown().reason, state === 'paused' ? 'paused' : 'finishing');
  }
  world.care = undefined;
  wish.say({ state: 'contribute' });
  assert.equal(policy.isOpen(), true);
});
