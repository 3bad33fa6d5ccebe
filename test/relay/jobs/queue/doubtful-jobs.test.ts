import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createNodeTable } from '../../../../relay/fabric/node-table.ts';
import { openJobQueue, type QueuePorts } from '../../../../relay/jobs/queue/job-queue.ts';
import { QUEUE_LIMITS } from '../../../../relay/jobs/queue/queue-limits.ts';
import type { QueuedJobStore } from '../../../../relay/store/queued-job-store.ts';
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
    ...{ table: createNodeTable(), limits: QUEUE_LIMITS, supervised: false, paceMs: () => 0, now: () => T0 },
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
