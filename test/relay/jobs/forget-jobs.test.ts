import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetJobs } from '../../../relay/jobs/forget-jobs.ts';
import { silentLog } from '../../support/pool.ts';
import { until } from '../../support/until.ts';
import { makeSqlitePlace } from '../store/sqlite/sqlite-place.ts';
import { finishedJob, refusedJob, T0 } from '../store/store-records.ts';

const DAY_MS = 86_400_000;

test('forgets what is older than it is to be kept, over as many pages as it takes, and keeps receipts', async (t) => {
  const { jobs } = await (await makeSqlitePlace(t)).open();
  const old = Array.from({ length: 1_100 }, (_, i) => ({ ...refusedJob(`job_${i}`), finishedAt: T0 }));
  const receipted = { ...finishedJob('job_receipted'), finishedAt: T0 };
  const young = ['job_young', 'job_newest'].map((id) => ({ ...refusedJob(id), finishedAt: T0 + DAY_MS }));
  await Promise.all([...old, receipted, ...young].map((job) => jobs.recordFinishedJob(job)));
  const stop = forgetJobs({
    store: jobs,
    keepMs: DAY_MS,
    now: () => T0 + DAY_MS + 1,
    log: silentLog,
  });
  t.after(stop);
  await until(async () => (await jobs.listJobs({ limit: 9 })).jobs.length === 3);
  const { jobs: left } = await jobs.listJobs({ limit: 9 });
  assert.deepEqual(
    left.map(({ id }) => id),
    ['job_newest', 'job_young', 'job_receipted'],
  );
});

test('says so when the store refuses, and ends no relay by it', async () => {
  const faults: unknown[] = [];
  const error = (fields: Record<string, unknown>): void => void faults.push(fields.err);
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error };
  const store = { forgetJobs: () => Promise.reject(new Error('the disk is full')) };
  await forgetJobs({ store, keepMs: DAY_MS, now: () => T0, log })();
  assert.equal(faults.length, 1);
});
