import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createParallelLimits } from '../../../../relay/access/parallel-limits.ts';
import { createNodeTable } from '../../../../relay/fabric/nodes/node-table.ts';
import { settleDoubts } from '../../../../relay/jobs/queue/doubtful-jobs.ts';
import { openJobQueue, type QueuePorts } from '../../../../relay/jobs/queue/job-queue.ts';
import { QUEUE_LIMITS } from '../../../../relay/jobs/queue/queue-limits.ts';
import type { QueuedJob, QueuedJobStore } from '../../../../relay/store/queued-job-store.ts';
import { acceptedJob } from '../../../../relay/store/rows/queued-job-rows.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { afterTest } from '../../../support/after-test.ts';
import { silentLog } from '../../../support/pool.ts';
import { until } from '../../../support/until.ts';
import { makeSqlitePlace } from '../../store/sqlite/sqlite-place.ts';
import { queuedOrder, T0 } from '../../store/store-records.ts';

/** A queue without nodes on a store that keeps, or not, what it says it could not. */
async function openQueue(t: TestContext, keeps: boolean) {
  const { queuedJobs } = await (await makeSqlitePlace(t)).open();
  const lost = (): Promise<never> => Promise.reject(new Problem('storage_failed', 'The connection to it broke.'));
  const looked: string[] = [];
  const store: QueuedJobStore = {
    ...queuedJobs,
    acceptJob: (...args) => (keeps ? queuedJobs.acceptJob(...args).then(lost) : lost()),
    findQueuedJob: (id) => {
      looked.push(id);
      return queuedJobs.findQueuedJob(id);
    },
  };
  const takenUp: string[] = [];
  const queue = await openJobQueue({
    ...({} as QueuePorts),
    store,
    ...{
      table: createNodeTable(),
      limits: QUEUE_LIMITS,
      supervised: false,
      paceMs: () => 0,
      slots: createParallelLimits(),
      now: () => T0,
    },
    sendWebhook: () => Promise.resolve(204),
    onTakenUp: ({ id }) => void takenUp.push(id),
    onFinished: () => undefined,
    log: silentLog,
  });
  afterTest(t, () => queue.close());
  return { queue, queuedJobs, store, takenUp, looked };
}

test('a job that was refused and written all the same is taken up, and ends as every other', async (t) => {
  const { queue, queuedJobs, takenUp } = await openQueue(t, true);
  const order = queuedOrder('job_1', { idempotencyKey: 'again' });
  await assert.rejects(queue.accept(order, '{}'), { code: 'storage_failed' });
  await until(() => takenUp.length > 0);
  assert.deepEqual([takenUp, queue.length(), queue.waiting()], [[order.id], 1, 1]);
  assert.equal((await queue.earlier(order))?.id, order.id);
  assert.equal(await queue.giveUp(order.id, new Problem('cancelled', 'Enough.')), true);
  assert.equal((await queuedJobs.findQueuedJob(order.id))?.state, 'cancelled');
});

test('who gives a job up while the relay closes does not wait for an end that the next one writes', async (t) => {
  const { queue, queuedJobs, store } = await openQueue(t, true);
  await assert.rejects(queue.accept(queuedOrder('job_1'), '{}'));
  await until(() => queue.length() === 1);
  await queue.close();
  store.endJob = () => Promise.reject(new Problem('draining', 'The relay is shutting down.'));
  const answers: boolean[] = [];
  void queue.giveUp('job_1', new Problem('cancelled', 'Enough.')).then((answer) => answers.push(answer));
  await until(() => answers.length > 0);
  assert.equal((await queuedJobs.findQueuedJob('job_1'))?.state, 'queued');
});

test('a job that was refused and not written is asked for once', async (t) => {
  const { queue, takenUp, looked } = await openQueue(t, false);
  const order = queuedOrder('job_1');
  await assert.rejects(queue.accept(order, '{}'), { code: 'storage_failed' });
  await until(() => looked.length > 0);
  assert.deepEqual([looked, takenUp, queue.length()], [[order.id], [], 0]);
});

test('asks again while the storage does not answer, about each refusal of it, of so many at most, until it is stopped', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const refusal = new Problem('storage_failed', 'The connection to it broke.');
  const storage = { isAway: true, asked: 0 };
  const store = {
    moveJob: async () => {
      storage.asked += 1;
      if (storage.isAway) throw refusal;
      return undefined;
    },
    findQueuedJob: async (id: string) => acceptedJob(queuedOrder(id), 'queued'),
  };
  const takenUp: string[] = [];
  const takeUp = ({ id }: QueuedJob) => void takenUp.push(id);
  const doubts = settleDoubts({ store, takeUp, most: 2, now: () => T0, log: silentLog });
  const passSecond = async (): Promise<void> => {
    t.mock.timers.tick(1_000);
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  doubts.note('job_1', refusal);
  await passSecond();
  assert.deepEqual([storage.asked, takenUp], [1, []]);
  storage.isAway = false;
  await passSecond();
  assert.deepEqual(takenUp, ['job_1']);
  for (const id of ['job_2', 'job_3', 'job_4']) doubts.note(id, refusal);
  await passSecond();
  assert.deepEqual(takenUp, ['job_1', 'job_2', 'job_3']);
  const before = storage.asked;
  doubts.note('job_5', new Problem('queue_full', 'Too many.'));
  doubts.note('job_6', new Error('a fault'));
  await passSecond();
  assert.equal(storage.asked, before);
  doubts.note('job_7', refusal);
  const asking = passSecond();
  doubts.stop();
  await asking;
  doubts.note('job_8', refusal);
  doubts.stop();
  await passSecond();
  assert.equal(storage.asked, before + 1);
  assert.equal(takenUp.length, 3);
});
