import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { openSqliteStore } from '../../../../relay/store/sqlite/open-sqlite-store.ts';
import type { Store } from '../../../../relay/store/store.ts';
import { afterTest } from '../../../support/after-test.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { finishedJob, queuedOrder, RELAY_KEY, T0 } from '../store-records.ts';

const WEEK_MS = 7 * 86_400_000;
const JOBS = 2_000;
const RESULT = JSON.stringify('x'.repeat(32 * 1024));
const MIB = 1024 * 1024;

async function open(t: TestContext, file = join(temporaryFolder(t), 'relay.db')) {
  const store = await openSqliteStore({ file, relaySeed: RELAY_KEY.seed });
  afterTest(t, () => store.close());
  return { store, file };
}

/** A week's jobs with their results, which are forgotten when it is over. */
async function liveWeek({ queuedJobs }: Store, week: number): Promise<void> {
  const finishedAt = T0 + week * WEEK_MS;
  const ids = Array.from({ length: JOBS }, (_, job) => `job_${week}_${job}`);
  await Promise.all(ids.map((id) => queuedJobs.acceptJob(queuedOrder(id, { createdAt: finishedAt }), '{}', 'queued')));
  await Promise.all(
    ids.map((id) => {
      const record = finishedJob(id, { state: 'cancelled', finishedAt });
      return queuedJobs.endJob(id, 'cancel', { record, result: RESULT });
    }),
  );
  while ((await queuedJobs.forgetEndedJobs(finishedAt + 1, 200)) === 200);
}

async function giveBackAll(store: Store): Promise<number> {
  let steps = 1;
  while (await store.giveBack(2 * MIB)) steps += 1;
  return steps;
}

test('what retention forgets over weeks of thousands of jobs is given back to the disk, in small steps, and nothing else', async (t) => {
  const { store, file } = await open(t);
  await liveWeek(store, 0);
  const highest = statSync(file).size;
  assert.ok(highest > JOBS * RESULT.length, `${highest} bytes`);
  const steps = await giveBackAll(store);
  assert.ok(steps > 10, `${steps} steps`);
  for (const week of [1, 2, 3]) {
    await liveWeek(store, week);
    await giveBackAll(store);
  }
  // What a week needs beside it stays, so that the next one need not ask for it again.
  assert.equal(await store.giveBack(2 * MIB), false);
  const left = statSync(file).size;
  assert.ok(left < highest / 2, `${left} of ${highest} bytes`);
  await store.close();
  const again = await open(t, file);
  assert.equal((await again.store.jobs.findJob(`job_3_${JOBS - 1}`))?.state, 'cancelled');
  assert.equal((await again.store.jobs.countJobsByState()).cancelled, 4 * JOBS);
});

test('a database from before keeps its size, and works on', async (t) => {
  const file = join(temporaryFolder(t), 'relay.db');
  const older = new Database(file);
  older.exec('CREATE TABLE a (b); DROP TABLE a;');
  older.close();
  const { store } = await open(t, file);
  await liveWeek(store, 0);
  const before = statSync(file).size;
  assert.equal(await store.giveBack(2 * MIB), false);
  assert.equal(statSync(file).size, before);
  await liveWeek(store, 1);
});
