import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { beginCourse } from '../../../../relay/jobs/course.ts';
import type { JobSpec } from '../../../../relay/jobs/job.ts';
import { createJobsInHand } from '../../../../relay/jobs/jobs-in-hand.ts';
import { createRecordKeeper } from '../../../../relay/jobs/record-keeper.ts';
import { listJobs } from '../../../../relay/routes/jobs/job-listing.ts';
import type { JobStore } from '../../../../relay/store/store.ts';
import { JobListItem } from '../../../../shared/api/jobs.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { collectLog } from '../../../support/log.ts';
import { makeSqlitePlace } from '../../store/sqlite/sqlite-place.ts';
import { finishedJob } from '../../store/store-records.ts';

/** Jobs in hand before a real store, whose writes the test holds back or refuses. */
async function start(t: TestContext) {
  const store = await (await makeSqlitePlace(t)).open();
  const disk = { gate: Promise.resolve(), isFull: false };
  const writes: Pick<JobStore, 'recordFinishedJob' | 'findJob'> = {
    findJob: (id) => store.jobs.findJob(id),
    recordFinishedJob: async (record) => {
      await disk.gate;
      if (disk.isFull) throw new Problem('storage_failed', 'The disk is full.');
      return store.jobs.recordFinishedJob(record);
    },
  };
  const records = createRecordKeeper({ store: writes, log: collectLog(), later: () => () => undefined });
  const jobs = createJobsInHand(records);
  const begin = (id: string, apiKeyId = 'key_1') => {
    const spec = { id, requestId: `req_of_${id}`, apiKeyId, type: 'llm', model: 'm', stream: true, input: {} };
    return jobs.begin(beginCourse(spec as unknown as JobSpec, {}), new AbortController());
  };
  const page = async (query: Parameters<typeof listJobs>[0], key: string | null = 'key_1') => {
    const { data, next } = await listJobs(query, key, { store, jobs });
    return [data.map(({ id, state }) => `${id} ${state}`), next] as const;
  };
  const pages = async (limit: number, key: string | null = 'key_1'): Promise<string[]> => {
    const found: string[] = [];
    for (let after: string | null = 'job_zz'; after !== null; ) {
      const [data, next]: readonly [string[], string | null] = await page({ limit: String(limit), after }, key);
      assert.ok(data.length <= limit);
      found.push(...data);
      after = next;
    }
    return found;
  };
  return { store, jobs, disk, begin, page, pages };
}

test('lists what is in hand among what is stored, newest first, each once, on pages of any size', async (t) => {
  const { store, begin, page, pages } = await start(t);
  for (const id of ['job_1', 'job_3', 'job_5']) await store.jobs.recordFinishedJob(finishedJob(id));
  for (const id of ['job_2', 'job_4', 'job_6']) begin(id);
  const all = ['6 queued', '5 succeeded', '4 queued', '3 succeeded', '2 queued', '1 succeeded'].map(
    (it) => `job_${it}`,
  );
  for (const limit of [1, 2, 3, 4, 5, 6, 7]) assert.deepEqual(await pages(limit), all, `pages of ${limit}`);
  assert.deepEqual((await page({ limit: '6' }))[1], null);
  assert.deepEqual(await page({ limit: '2', after: 'job_5' }), [['job_4 queued', 'job_3 succeeded'], 'job_3']);
});

test('shows a key its own jobs in hand alone, and the operator those of all', async (t) => {
  const { begin, page, pages } = await start(t);
  begin('job_1');
  begin('job_2', 'key_2');
  assert.deepEqual(await page({}), [['job_1 queued'], null]);
  assert.deepEqual(await page({}, 'key_2'), [['job_2 queued'], null]);
  assert.deepEqual(await page({}, null), [['job_2 queued', 'job_1 queued'], null]);
  assert.deepEqual(await pages(1, null), ['job_2 queued', 'job_1 queued']);
});

test('lists what is in hand by state, and nothing of it but what lists show', async (t) => {
  const { store, jobs, begin, page } = await start(t);
  begin('job_1');
  assert.deepEqual(await page({ state: 'queued,failed' }), [['job_1 queued'], null]);
  assert.deepEqual(await page({ state: 'running,succeeded' }), [[], null]);
  const { data } = await listJobs({}, null, { store, jobs });
  assert.deepEqual(Object.keys(data[0] ?? {}).sort(), Object.keys(JobListItem.properties).sort());
});

test('a job whose record is being written is listed once before, while and after it is, as it ended', async (t) => {
  const { disk, begin, page, jobs } = await start(t);
  const onDisk = Promise.withResolvers<void>();
  disk.gate = onDisk.promise;
  begin('job_1')(finishedJob('job_1'), 'desk');
  assert.deepEqual(await page({}), [['job_1 succeeded'], null]);
  const written = jobs.whenWritten('job_1');
  onDisk.resolve();
  await written;
  assert.deepEqual(await page({}), [['job_1 succeeded'], null]);
});

test('a job that is written down while the list is read is listed once, with its end', async (t) => {
  const { store, jobs, begin } = await start(t);
  const ended = begin('job_1');
  const reading: Parameters<typeof listJobs>[2]['store'] = {
    queuedJobs: {
      listAllJobs: async (page) => {
        const written = jobs.whenWritten('job_1');
        ended(finishedJob('job_1'), 'desk');
        await written;
        return store.queuedJobs.listAllJobs(page);
      },
    },
  };
  const { data } = await listJobs({}, null, { store: reading, jobs });
  assert.deepEqual(
    data.map(({ id, state }) => `${id} ${state}`),
    ['job_1 succeeded'],
  );
});

test('lists the jobs whose records wait for a full disk', async (t) => {
  const { disk, begin, page, jobs } = await start(t);
  disk.isFull = true;
  const written = (id: string, key: string) => {
    begin(id, key)(finishedJob(id, { apiKeyId: key }), 'desk');
    return jobs.whenWritten(id);
  };
  await Promise.all([written('job_1', 'key_1'), written('job_2', 'key_2')]);
  assert.deepEqual(await page({}), [['job_1 succeeded'], null]);
  assert.deepEqual(await page({}, null), [['job_2 succeeded', 'job_1 succeeded'], null]);
});
