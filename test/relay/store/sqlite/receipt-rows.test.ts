import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createReceiptSealer } from '../../../../relay/receipts/seal-receipt.ts';
import { openDatabase } from '../../../../relay/store/sqlite/database.ts';
import { GroupCommit } from '../../../../relay/store/sqlite/group-commit.ts';
import { createJobStore } from '../../../../relay/store/sqlite/job-store.ts';
import { draftFor, finishedJob, RELAY_KEY } from '../store-records.ts';
import { makeFolder } from './sqlite-place.ts';

/** The job store in this thread, by a clock of the test's own. */
function openJobs(t: TestContext) {
  const folder = makeFolder(t);
  const db = openDatabase({ file: join(folder, 'relay.db') });
  t.after(() => db.close());
  const commits = new GroupCommit(db);
  const access = { write: <T>(run: () => T) => commits.write(run), read: async <T>(run: () => T) => run() };
  const clock = { now: 0 };
  const jobs = createJobStore(db, access, { sealer: createReceiptSealer(RELAY_KEY), now: () => clock.now });
  return { jobs, clock };
}

test('[V9] looks at a hundred signatures a second as they come, and at each one when it is read', async (t) => {
  const { jobs, clock } = openJobs(t);
  const record = (id: string) => {
    const receipt = { ...draftFor(id), signatures: { node: 'A'.repeat(86) } };
    return jobs.recordFinishedJob(finishedJob(id, { receipt }));
  };
  const verdicts = await Promise.all(Array.from({ length: 130 }, (_, n) => record(`job_${n}`)));
  assert.equal(verdicts.filter((verdict) => verdict === 'refused').length, 100);
  assert.equal(verdicts.at(-1), null);
  clock.now += 1_000;
  assert.equal(await record('job_later'), 'refused');
  for (const id of ['job_0', 'job_129']) {
    assert.equal((await jobs.receiptOfJob(id))?.signatures.verdict, 'refused');
  }
});

test('[V4] refuses a receipt without a canonical form, and keeps those beside it', async (t) => {
  const { jobs } = openJobs(t);
  const broken = { ...draftFor('job_2'), model: 'half a pair \ud800' };
  const tricky = { ...draftFor('job_3'), model: 'a backslash \\ud800' };
  const outcomes = await Promise.allSettled([
    jobs.recordFinishedJob(finishedJob('job_1')),
    jobs.recordFinishedJob(finishedJob('job_2', { receipt: broken })),
    jobs.recordFinishedJob(finishedJob('job_3', { receipt: tricky })),
  ]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.equal((await jobs.receiptOfJob('job_3'))?.model, tricky.model);
  assert.equal(await jobs.findJob('job_2'), undefined);
});
