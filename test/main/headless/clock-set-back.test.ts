/** A node without a screen on a machine whose clock is set back by an hour, as after a start or a sleep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openHeadlessControl } from '../../../main/headless/control/headless-control.ts';
import { rememberLog } from '../../../main/headless/control/log-memory.ts';
import { followRelay, LOOK_AFTER_MS } from '../../../main/headless/discovery/follow-relay.ts';
import { openNodeLedger } from '../../../main/headless/ledger/node-ledger.ts';
import { createHeatReader } from '../../../main/headless/presence/heat.ts';
import type { SystemSensorsOptions } from '../../../main/headless/presence/system-sensors.ts';
import type { Agent } from '../../../shared/agent/agent.ts';
import { createOwnerPolicy } from '../../../shared/policy/owner-policy.ts';
import { afterTest } from '../../support/after-test.ts';
import { collectLog } from '../../support/log.ts';
import { settled } from '../../support/pending-timers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NOON = Date.UTC(2026, 10, 21, 12);
const HOUR_MS = 3_600_000;

test('what was hot is so for a minute, and not until the clock has caught up', async (t) => {
  let now = NOON;
  let answer = 'Active, Not Active\n';
  const sysfsRoot = temporaryFolder(t);
  const read = createHeatReader({ platform: 'linux', now: () => now, sysfsRoot, ask: async () => answer });
  assert.equal(await read(), 'hot');
  answer = 'Not Active, Not Active\n';
  now -= HOUR_MS;
  assert.equal(await read(), 'hot');
  now += 60_000;
  assert.equal(await read(), 'normal');
});

test('a GPU that computed for a job counts as its own for a moment, and not for an hour', async (t) => {
  let now = NOON;
  let isComputing = (): boolean => false;
  const log = rememberLog(collectLog(), () => now);
  const policy = createOwnerPolicy({ now: () => now });
  const common = { dataFolder: temporaryFolder(t), relayUrl: 'http://relay', policy, now: () => now };
  const control = await openHeadlessControl({
    ...common,
    version: '1',
    ledger: openNodeLedger({ ...common, log }),
    sensors: (options: SystemSensorsOptions) => {
      isComputing = options.isComputing;
      return [];
    },
    log,
  });
  afterTest(t, control.close);
  const job = { job: 'job_1', attempt: 1, type: 'llm' as const, model: 'm', client: 'key_1', startedAt: now };
  control.witness.began(job);
  control.witness.ended(job, { outcome: 'done', usage: undefined, totalMs: 1 });
  now -= HOUR_MS;
  assert.equal(isComputing(), true);
  now += 3_000;
  assert.equal(isComputing(), false);
});

test('a relay that was lost is looked for after a minute', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = NOON;
  let looks = 0;
  const agent = {
    ready: new Promise<string>(() => undefined),
    ended: new Promise<undefined>(() => undefined),
    hasSession: () => false,
    close: async () => undefined,
  } as Partial<Agent> as Agent;
  const node = await followRelay({
    relayUrl: 'http://192.0.2.1:8484',
    start: async () => agent,
    look: async () => {
      looks += 1;
      return undefined;
    },
    onMove: () => undefined,
    now: () => now,
    log: collectLog(),
  });
  afterTest(t, () => node.close());
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5_000) {
      now += 5_000;
      t.mock.timers.tick(5_000);
      await settled();
    }
  };
  await pass(10_000);
  now -= HOUR_MS;
  await pass(LOOK_AFTER_MS);
  assert.equal(looks, 1);
});
