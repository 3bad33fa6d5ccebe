import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { rowsOf } from '../../../../relay/store/rows/job-rows.ts';
import { openSqliteStore, startSqliteThread } from '../../../../relay/store/sqlite/open-sqlite-store.ts';
import { fromErrorRecord, toErrorRecord } from '../../../../relay/store/thread/thread-messages.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { isProblem } from '../../../support/problems.ts';
import { until } from '../../../support/until.ts';
import { finishedJob, keyRecord, nodeRecord, RELAY_KEY } from '../store-records.ts';
import { makeFolder } from './sqlite-place.ts';

const FAULTY_WORKER = new URL('../../../support/faulty-database-worker.ts', import.meta.url);

async function start(t: TestContext, options: { maxPending?: number } = {}) {
  // Before the folder is made: what is registered first runs first, and open files cannot be removed everywhere.
  t.after(() => thread.close());
  const file = join(makeFolder(t), 'relay.db');
  const thread = await startSqliteThread({ file, relaySeed: RELAY_KEY.seed, ...options });
  return { thread, file };
}

for (const [way, reason] of [
  ['exit', /exit code 3/],
  ['throw', /a fault of the thread/],
] as const) {
  test(`refuses what waits and what comes when its thread ends by ${way}, and says so to health`, async () => {
    const store = await openSqliteStore({ file: way, workerUrl: FAULTY_WORKER });
    const waiting = [
      store.jobs.recordFinishedJob(finishedJob('job_1')),
      store.keys.findKeyByHash('hash_of_key_1'),
      store.jobs.recordFinishedJob(finishedJob('job_2')),
    ];
    for (const call of waiting) await assert.rejects(call, isProblem('storage_failed', reason));
    await assert.rejects(store.nodes.nextEpoch('desk-1'), isProblem('storage_failed', /Start the relay again/));
    const health = await store.health();
    assert.ok(!health.writable && reason.test(health.reason), JSON.stringify(health));
    await store.close();
  });
}

test('refuses to open when its thread fails before it has', async () => {
  const opening = openSqliteStore({ file: 'throw-at-start', workerUrl: FAULTY_WORKER });
  await assert.rejects(opening, isProblem('storage_failed', /a fault of the thread/));
});

test('refuses a call when too many wait, and keeps those it had accepted', async (t) => {
  const { thread } = await start(t, { maxPending: 100 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 103 }, (_, n) => thread.askPatiently('jobs', 'insertRows', rowsOf(finishedJob(`job_${n}`)))),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert.equal(refused.length, 3);
  for (const { reason } of refused) isProblem('storage_failed', /100 calls already wait/)(reason);
  assert.equal((await thread.ask('jobs', 'countJobsByState')).succeeded, 100);
});

test('refuses a call that cannot be sent alone, and sends those beside it', async (t) => {
  const { thread } = await start(t);
  const unsendable = { ...finishedJob('job_bad'), model: (() => 'no data') as unknown as string };
  const outcomes = await Promise.allSettled(
    [finishedJob('job_1'), unsendable, finishedJob('job_2')].map((job) =>
      thread.askPatiently('jobs', 'insertRows', rowsOf(job)),
    ),
  );
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('turns the event loop while another program holds the lock', async (t) => {
  const { thread, file } = await start(t);
  const other = new Database(file, { timeout: 0 });
  other.exec('BEGIN IMMEDIATE');
  let settled = false;
  const write = thread.ask('nodes', 'nextEpoch', 'desk-1').finally(() => (settled = true));
  assert.deepEqual(await thread.ask('keys', 'listKeys'), [], 'reads go on');
  assert.equal(settled, false);
  other.exec('COMMIT');
  other.close();
  assert.equal(await write, 1);
});

test('says within its time that the database is silent, asks it once, and hears when it answers', async (t) => {
  t.after(() => store.close());
  const file = join(makeFolder(t), 'relay.db');
  const store = await openSqliteStore({ file, silenceMs: 20 });
  const other = new Database(file, { timeout: 0 });
  other.exec('BEGIN IMMEDIATE');
  const [first, beside] = await Promise.all([store.health(), store.health()]);
  const after = await store.health();
  assert.match(
    JSON.stringify(first),
    /"writable":false,"reason":"The relay's database has not answered for 0\.02 s\. Look at/,
  );
  assert.ok(beside === first && after === first, 'no second probe waits behind the first');
  other.exec('COMMIT');
  other.close();
  await until(async () => (await store.health()).writable);
});

test('hands a problem over with all it says, and of a fault the message', async (t) => {
  const cause = new Error('the inner reason');
  const problem = new Problem('queue_full', 'Wait.', { param: 'model', retryAfterMs: 250, cause });
  const copy = fromErrorRecord(structuredClone(toErrorRecord(problem)));
  assert.ok(copy instanceof Problem && copy.cause instanceof Error);
  assert.deepEqual(
    [copy.code, copy.message, copy.param, copy.retryAfterMs, copy.cause.message],
    ['queue_full', 'Wait.', 'model', 250, 'the inner reason'],
  );

  const { thread } = await start(t);
  await thread.ask('nodes', 'rememberNode', nodeRecord('desk-1'));
  const thief = thread.ask('nodes', 'rememberNode', nodeRecord('desk-1', { publicKey: 'U_other' }));
  await assert.rejects(thief, isProblem('node_identity_taken', /desk-1/));
  await thread.ask('jobs', 'insertRows', rowsOf(finishedJob('job_1')));
  const twice = thread.ask('jobs', 'insertRows', rowsOf(finishedJob('job_1')));
  await assert.rejects(twice, (error) => error instanceof Error && /UNIQUE/.test(error.message));
});

test('lets a process end that has forgotten to close it, once what it accepted is durable', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  const script = `
    const { openSqliteStore } = await import(${JSON.stringify(import.meta.resolve('../../../../relay/store/sqlite/open-sqlite-store.ts'))});
    const store = await openSqliteStore({ file: ${JSON.stringify(file)} });
    void store.keys.putKey(${JSON.stringify(keyRecord('key_1'))});
    void store.keys.touchKeys([{ keyId: 'key_1', usedAt: 7 }]);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  t.after(() => child.kill());
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  const store = await openSqliteStore({ file });
  assert.deepEqual(await store.keys.listKeys(), [keyRecord('key_1', { lastUsedAt: 7 })]);
  await store.close();
});
