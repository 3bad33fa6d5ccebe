import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createNodeTable, type LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import { openMeasurements } from '../../../relay/scheduler/keep-measurements.ts';
import type { NodeRecord } from '../../../relay/scheduler/measurements.ts';
import type { MeasurementRecords, MeasurementStore } from '../../../relay/store/measurement-store.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import type { NodeHealth } from '../../../shared/api/nodes.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { afterTest } from '../../support/after-test.ts';
import { collectLog } from '../../support/log.ts';
import { admission } from '../../support/nodes/live-nodes.ts';
import { startPool } from '../../support/pool.ts';
import { ask } from '../../support/pool-admin.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const T0 = 1_790_000_000_000;
const DAY_MS = 24 * 60 * 60_000;
const CHAT = { type: 'llm', inputTokens: 10, maxOutputTokens: null } as const;
const RESULT = { firstTokenMs: 100, endMs: 1_090, inputTokens: 10, outputTokens: 100, wasCold: false };

function liveNode(id: string): LiveNode {
  const table = createNodeTable();
  table.admit(admission(id, ['m']));
  return table.get(id) as LiveNode;
}

/** Measurements on a real database, which each call opens anew, as a relay that starts again does. */
async function setUp(t: TestContext, intervalMs = 3_600_000) {
  const store = await openSqliteStore({ file: join(temporaryFolder(t), 'x.sqlite') });
  afterTest(t, () => store.close());
  const log = collectLog();
  const puts: MeasurementRecords[] = [];
  const disk = { full: false };
  const watched: MeasurementStore = {
    ...store.measurements,
    putMeasurements: async (records) => {
      puts.push(records);
      if (disk.full) throw new Problem('storage_failed', 'The disk is full.');
      await store.measurements.putMeasurements(records);
    },
  };
  const start = (at = T0) => openMeasurements({ store: watched, now: () => at, log, intervalMs });
  return { start, puts, disk, log };
}

const known = (record: NodeRecord | undefined) => record && [record.succeeded, record.failed, [...record.models]];

test('knows after a restart how fast and how reliable nodes were, and the pool as a whole', async (t) => {
  const { start } = await setUp(t);
  const before = await start();
  before.succeeded(liveNode('a'), 'm', CHAT, RESULT, T0);
  before.failed(liveNode('a'));
  before.failed(liveNode('b'));
  await before.close();
  const after = await start();
  assert.deepEqual(known(after.ofNode('a')), known(before.ofNode('a')));
  assert.deepEqual(known(after.ofNode('b')), [0, 1, []]);
  assert.deepEqual(after.ofPool('m'), before.ofPool('m'));
  after.succeeded(liveNode('a'), 'm', CHAT, RESULT, T0 + 1);
  assert.equal(after.ofNode('a')?.models.get('m')?.perToken?.samples, 2, 'and goes on from there');
  await after.close();
});

test('lets reliability fade while nothing is heard of a node, and forgets it after a month', async (t) => {
  const { start } = await setUp(t);
  const before = await start();
  for (let i = 0; i < 8; i += 1) before.succeeded(liveNode('a'), 'm', CHAT, RESULT, T0);
  await before.close();
  const weekLater = await start(T0 + 7 * DAY_MS);
  assert.equal(weekLater.ofNode('a')?.succeeded, 4);
  assert.equal(weekLater.ofNode('a')?.models.get('m')?.perToken?.at, T0, 'speeds keep their age');
  await weekLater.close();
  const later = await start(T0 + 31 * DAY_MS);
  assert.deepEqual([later.ofNode('a'), later.ofPool('m')], [undefined, undefined]);
});

test('writes nothing while attempts end, then everything that changed once, in groups', async (t) => {
  const { start, puts } = await setUp(t);
  const measurements = await start();
  for (let i = 0; i < 250; i += 1) {
    for (let job = 0; job < 3; job += 1) measurements.succeeded(liveNode(`n${i}`), 'm', CHAT, RESULT, T0);
  }
  assert.equal(puts.length, 0);
  await measurements.close();
  const sizes = puts.map(({ nodes, speeds }) => nodes.length + speeds.length);
  assert.ok(Math.max(...sizes) <= 200, String(sizes));
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    250 + 250 + 1,
  );
});

test('writes by itself, tries again what the disk refused, and says so', async (t) => {
  const { start, puts, disk, log } = await setUp(t, 5);
  const measurements = await start();
  disk.full = true;
  measurements.failed(liveNode('a'));
  await until(() => puts.length >= 2);
  assert.ok(log.lines.includes('warn measurements could not be written down yet'));
  disk.full = false;
  measurements.failed(liveNode('a'));
  await measurements.close();
  assert.equal((await start()).ofNode('a')?.failed, 2);
});

test('a relay that starts again knows what its nodes did', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  const { nodeId } = await first.addNode({ name: 'attic' });
  const chat = { model: 'test/echo', messages: [{ role: 'user', content: 'a b c d' }] };
  assert.equal((await ask(first, '/v1/chat/completions', chat)).status, 200);
  await first.close();
  const second = await startPool({ dataFolder });
  t.after(() => second.close());
  const { body } = await ask<NodeHealth>(second, `/v1/nodes/${nodeId}/health`);
  assert.equal(body.attempts.succeeded, 1);
  assert.deepEqual(
    body.models.map(({ model, samples }) => [model, samples]),
    [['test/echo', 1]],
  );
});
