import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { writeEnd } from '../../../../relay/jobs/queue/write-end.ts';
import type { QueuedJobStore } from '../../../../relay/store/queued-job-store.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { collectLog } from '../../../support/log.ts';
import { makeSqlitePlace } from '../../store/sqlite/sqlite-place.ts';
import { finishedJob, queuedOrder } from '../../store/store-records.ts';

const ENDING = { record: finishedJob('job_1'), result: '"done"' };

async function storeOf(t: TestContext): Promise<QueuedJobStore> {
  const { queuedJobs } = await (await makeSqlitePlace(t)).open();
  await queuedJobs.acceptJob(queuedOrder('job_1'), '{}', 'queued');
  return queuedJobs;
}

test('writes an end whose way there was not written, because the disk refused it', async (t) => {
  const store = await storeOf(t);
  const log = collectLog();
  const changes = await writeEnd('job_1', 'succeed', ENDING, { store, log, isClosed: () => false });
  assert.ok(changes !== undefined && changes !== 'not written');
  assert.deepEqual(
    changes.map(({ state }) => state),
    ['succeeded'],
  );
  const [last] = ENDING.record.attempts.slice(-1);
  const onNode = { nodeId: last?.nodeId, attempt: last?.attempt, problem: null };
  assert.deepEqual((await store.findQueuedJob('job_1'))?.changes.slice(1), [
    { seq: 2, at: last?.startedAt, state: 'assigned', ...onNode },
    { seq: 3, at: ENDING.record.finishedAt, state: 'succeeded', ...onNode },
  ]);
  assert.equal(await store.resultOf('job_1'), '"done"');
  assert.deepEqual(log.lines, []);
});

test('says that another end counted, and changes nothing', async (t) => {
  const store = await storeOf(t);
  const log = collectLog();
  const cancelled = { record: finishedJob('job_1', { state: 'cancelled', receipt: null }), result: null };
  await writeEnd('job_1', 'cancel', cancelled, { store, log, isClosed: () => false });
  assert.equal(await writeEnd('job_1', 'succeed', ENDING, { store, log, isClosed: () => false }), undefined);
  const later = { ...cancelled, record: { ...cancelled.record, finishedAt: cancelled.record.finishedAt + 1 } };
  assert.equal(await writeEnd('job_1', 'cancel', later, { store, log, isClosed: () => false }), undefined);
  assert.equal((await store.findQueuedJob('job_1'))?.state, 'cancelled');
});

test('an end that was written when the storage could not say so counts as the one that it is', async (t) => {
  const store = await storeOf(t);
  let calls = 0;
  const mute: QueuedJobStore = {
    ...store,
    endJob: async (...args) => {
      calls += 1;
      const changes = await store.endJob(...args);
      if (calls > 1) return changes;
      throw new Problem('storage_failed', 'Whether the last changes were kept is not known.');
    },
  };
  const changes = await writeEnd('job_1', 'cancel', ENDING, { store: mute, log: collectLog(), isClosed: () => false });
  assert.ok(changes !== undefined && changes !== 'not written');
  assert.deepEqual([calls, changes.at(-1)?.state], [2, 'cancelled']);
});

test('rests before it tries again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const tries: number[] = [];
  const endJob: QueuedJobStore['endJob'] = async () => {
    tries.push(1);
    throw new Problem('storage_failed', 'full');
  };
  const ports = { store: { endJob } as QueuedJobStore, log: collectLog(), isClosed: () => tries.length > 1 };
  const written = writeEnd('job_1', 'cancel', ENDING, ports);
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(tries.length, 1);
  t.mock.timers.tick(1_000);
  assert.equal(await written, 'not written');
  assert.equal(tries.length, 2);
});

test('tries again while the disk refuses, and gives up when the relay closes', async (t) => {
  const store = await storeOf(t);
  const log = collectLog();
  let refusals = 0;
  const refusing: QueuedJobStore = {
    ...store,
    endJob: (...args) => {
      refusals += 1;
      return refusals > 1 ? store.endJob(...args) : Promise.reject(new Problem('storage_failed', 'full'));
    },
  };
  assert.ok(await writeEnd('job_1', 'cancel', ENDING, { store: refusing, log, isClosed: () => false }));
  const never: QueuedJobStore = { ...store, endJob: () => Promise.reject(new Problem('storage_failed', 'full')) };
  assert.equal(await writeEnd('job_1', 'cancel', ENDING, { store: never, log, isClosed: () => true }), 'not written');
});
