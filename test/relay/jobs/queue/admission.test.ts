import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAdmission } from '../../../../relay/jobs/queue/admission.ts';
import { QUEUE_LIMITS } from '../../../../relay/jobs/queue/queue-limits.ts';
import type { QueuedJob, QueuedJobStore, QueuedOrder } from '../../../../relay/store/queued-job-store.ts';
import { acceptedJob } from '../../../../relay/store/rows/queued-job-rows.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { isProblem } from '../../../support/problems.ts';
import { queuedOrder } from '../../store/store-records.ts';

/** An admission before a disk that the test fills and slows down. */
function startAdmission() {
  const jobs: QueuedJob[] = [];
  const disk: { isFull: boolean; write: Promise<void> | undefined } = { isFull: false, write: undefined };
  const store = {
    acceptJob: async (order, _input, state) => {
      await disk.write;
      if (disk.isFull) throw new Problem('storage_failed', 'The disk is full.');
      const job = acceptedJob(order, state);
      jobs.push(job);
      return { job, isNew: true };
    },
    findByIdempotencyKey: async (apiKeyId, key) =>
      jobs.find((job) => job.apiKeyId === apiKeyId && job.idempotencyKey === key),
  } as QueuedJobStore;
  const limits = { ...QUEUE_LIMITS, mostJobs: 3, mostJobsPerKey: 2, mostInputBytes: 100 };
  const admission = createAdmission(store, limits);
  const accept = (id: string, changes: Partial<QueuedOrder> = {}) =>
    admission.accept(queuedOrder(id, { inputBytes: 10, ...changes }), '{}', 'queued');
  return { admission, accept, disk };
}

const isFull = isProblem('queue_full', /in the queue/);

test('lets in as many jobs, and as much of them, as there is room for, and others as these end', async () => {
  const { admission, accept } = startAdmission();
  const { job } = await accept('job_1', { inputBytes: 60 });
  await assert.rejects(accept('job_2', { inputBytes: 41 }), isProblem('queue_full', /fill its storage/));
  await accept('job_3', { inputBytes: 40 });
  await assert.rejects(accept('job_4', { apiKeyId: 'key_2', inputBytes: 1 }), isProblem('queue_full', /storage/));
  admission.remove(job);
  await accept('job_5', { apiKeyId: 'key_2', inputBytes: 60 });
  await assert.rejects(accept('job_6', { apiKeyId: 'key_2', inputBytes: 1 }), isProblem('queue_full', /storage/));
});

test('keeps room of a key and of all for what is written, and none for what could not be', async () => {
  const { admission, accept, disk } = startAdmission();
  const slow = Promise.withResolvers<void>();
  disk.write = slow.promise;
  const writing = [accept('job_1'), accept('job_2')];
  await assert.rejects(accept('job_3'), isProblem('queue_full', /^2 jobs of this key/));
  writing.push(accept('job_4', { apiKeyId: 'key_2' }));
  await assert.rejects(accept('job_5', { apiKeyId: 'key_2' }), isProblem('queue_full', /^3 jobs are/));
  disk.isFull = true;
  slow.resolve();
  assert.ok((await Promise.allSettled(writing)).every(({ status }) => status === 'rejected'));
  disk.isFull = false;
  for (const [id, apiKeyId] of [
    ['job_6', 'key_1'],
    ['job_7', 'key_1'],
    ['job_8', 'key_2'],
  ] as const) {
    await accept(id, { apiKeyId });
  }
  await assert.rejects(accept('job_9', { apiKeyId: 'key_2' }), isFull);
  // One that an earlier relay has left counts, wherever that leads.
  admission.add(acceptedJob(queuedOrder('job_0', { apiKeyId: 'key_2' }), 'queued'));
  admission.remove(acceptedJob(queuedOrder('job_6'), 'queued'));
  await assert.rejects(accept('job_9', { apiKeyId: 'key_1' }), isFull);
});

test('answers a request that is repeated also when the queue is full, of its key alone, and not while it is written', async () => {
  const { accept, disk } = startAdmission();
  const mark = { idempotencyKey: 'once', requestHash: 'a' };
  const slow = Promise.withResolvers<void>();
  disk.write = slow.promise;
  const first = accept('job_1', mark);
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(accept('job_2', mark), isProblem('idempotency_in_flight', /Ask again/));
  slow.resolve();
  assert.equal((await first).isNew, true);
  await accept('job_3');
  const again = await accept('job_4', mark);
  assert.deepEqual([again.isNew, again.job.id], [false, 'job_1']);
  await assert.rejects(accept('job_5', { ...mark, requestHash: 'b' }), isProblem('idempotency_key_reused', /job_1/));
  assert.equal((await accept('job_6', { ...mark, apiKeyId: 'key_2' })).isNew, true);
});
