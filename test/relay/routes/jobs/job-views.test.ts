import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJobsInHand } from '../../../../relay/jobs/jobs-in-hand.ts';
import { findOwnJob, findWithResult } from '../../../../relay/routes/jobs/job-views.ts';
import type { RelayServices } from '../../../../relay/services.ts';
import { acceptedJob } from '../../../../relay/store/rows/queued-job-rows.ts';
import type { FinishedJob, JobRecord } from '../../../../relay/store/store.ts';
import { asKept, finishedJob, queuedOrder } from '../../store/store-records.ts';

const OWNER = { kind: 'key', keyId: 'key_1' } as unknown as Parameters<typeof findOwnJob>[1];

test('a job whose record is being written is told with its receipt, once the store has it', async () => {
  const stored = new Map<string, FinishedJob>();
  const onDisk = Promise.withResolvers<void>();
  const write = async (record: JobRecord): Promise<void> => {
    await onDisk.promise;
    stored.set(record.id, asKept(record));
  };
  const jobs = createJobsInHand({ write, find: () => undefined, kept: () => [] });
  const course = { job: { id: 'job_1' } } as Parameters<typeof jobs.begin>[0];
  jobs.begin(course, new AbortController())(finishedJob('job_1'), 'desk');
  const store = {
    queuedJobs: { findQueuedJob: async () => undefined },
    jobs: { findJob: async (id: string) => stored.get(id) },
  };
  const found = findOwnJob('job_1', OWNER, { store, jobs } as unknown as RelayServices);
  setImmediate(onDisk.resolve);
  assert.equal((await found).finished?.receipt?.job, 'job_1');
});

test('a job that is found to have succeeded is found with its result, also where two questions are answered at once', async () => {
  let isWritten = false;
  const found = await findWithResult('job_1', {
    // Its end is written while both are on their way.
    findQueuedJob: async (id) => {
      await Promise.resolve();
      isWritten = true;
      return acceptedJob(queuedOrder(id), 'succeeded');
    },
    resultOf: async () => (isWritten ? '{"text":"x"}' : undefined),
  });
  assert.deepEqual([found?.job.state, found?.result], ['succeeded', '{"text":"x"}']);
});
