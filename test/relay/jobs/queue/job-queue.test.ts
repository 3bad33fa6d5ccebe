import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createParallelLimits } from '../../../../relay/access/parallel-limits.ts';
import { createNodeTable, type LiveNode } from '../../../../relay/fabric/nodes/node-table.ts';
import type { JobSpec } from '../../../../relay/jobs/job.ts';
import { openJobQueue, type QueuePorts } from '../../../../relay/jobs/queue/job-queue.ts';
import { QUEUE_LIMITS } from '../../../../relay/jobs/queue/queue-limits.ts';
import type { JobRunner } from '../../../../relay/jobs/run-job.ts';
import type { QueuedJobStore } from '../../../../relay/store/queued-job-store.ts';
import { afterTest } from '../../../support/after-test.ts';
import { chatInput } from '../../../support/models/pretended-model.ts';
import { admission } from '../../../support/nodes/live-nodes.ts';
import { SCRIPTED_END } from '../../../support/nodes/scripted-node.ts';
import { silentLog } from '../../../support/pool.ts';
import { makeSqlitePlace } from '../../store/sqlite/sqlite-place.ts';
import { finishedJob, queuedOrder, T0 } from '../../store/store-records.ts';

const MODEL = 'm';
const HOUR_MS = 3_600_000;

/** A queue whose one node does each job at once. */
async function openQueue(t: TestContext, limits: Partial<QueuePorts['limits']> = {}) {
  const { queuedJobs } = await (await makeSqlitePlace(t)).open();
  const fetched: string[] = [];
  const store: QueuedJobStore = {
    ...queuedJobs,
    inputOf: (id) => {
      fetched.push(id);
      return queuedJobs.inputOf(id);
    },
  };
  const table = createNodeTable();
  table.admit(admission('attic', [MODEL]));
  const node = table.get('attic') as LiveNode;
  const ran: JobSpec[] = [];
  const run: JobRunner['run'] = async (spec, sink, _caller, keep) => {
    ran.push(spec);
    sink.assigned?.(node, 1);
    sink.accepted?.(node);
    const { id, apiKeyId, type, model } = spec;
    keep?.(finishedJob(id, { apiKeyId, type, model, receipt: null, finishedAt: T0 }));
    const done = { ...SCRIPTED_END, type: 'done', epoch: 1, seq: 1, text: '', output: {} } as const;
    return { done, node, timings: { queueMs: 0, firstTokenMs: null, totalMs: 0 } };
  };
  const queue = await openJobQueue({
    ...({} as QueuePorts),
    ...{ store, table, limits: { ...QUEUE_LIMITS, ...limits }, runLimits: { timeoutMs: 30_000, stallTimeoutMs: 10 } },
    ...{ supervised: false, paceMs: () => 0, slots: createParallelLimits(), now: () => T0, log: silentLog },
    jobs: { run } as JobRunner,
    sendWebhook: () => Promise.resolve(204),
    spent: () => undefined,
    onFinished: () => undefined,
  });
  afterTest(t, () => queue.close());
  const done = async (id: string, changes: Parameters<typeof queuedOrder>[1] = {}): Promise<void> => {
    const order = queuedOrder(id, { model: MODEL, routing: {}, ...changes });
    await queue.accept(order, JSON.stringify({ input: chatInput('x') }));
    const end = await queue.whenEnded(id);
    assert.equal(end?.record.state, 'succeeded', JSON.stringify(end?.record.problem));
  };
  return { queue, ran, fetched, done };
}

test('an order that comes twice is one job, and runs once', async (t) => {
  const { queue, ran } = await openQueue(t);
  const order = queuedOrder('job_1', { model: MODEL, routing: {}, idempotencyKey: 'again' });
  const input = JSON.stringify({ input: chatInput('x') });
  const [first, again] = [await queue.accept(order, input), await queue.accept({ ...order, id: 'job_2' }, input)];
  assert.deepEqual([first.isNew, again.isNew, again.job.id], [true, false, 'job_1']);
  await queue.whenEnded('job_1');
  assert.deepEqual([ran.length, queue.length()], [1, 0]);
});

test('inputs lie in memory up to their limit, and make room there when their jobs have ended', async (t) => {
  const { fetched, done } = await openQueue(t, { mostHeldBytes: 99 });
  for (const id of ['job_1', 'job_2', 'job_3']) await done(id, { inputBytes: 50 });
  assert.deepEqual(fetched, []);
  for (const id of ['job_4', 'job_5']) await done(id, { inputBytes: 100 });
  assert.deepEqual(fetched, ['job_4', 'job_5']);
});

test('a program may work until the deadline of its job, an hour at most, and others as long as ever', async (t) => {
  const { ran, done } = await openQueue(t);
  await done('job_1');
  await done('job_2', { type: 'task' });
  for (const [id, leftMs] of [
    ['job_3', 20_000],
    ['job_4', 40_000],
    ['job_5', 2 * HOUR_MS],
  ] as const) {
    await done(id, { type: 'ffmpeg', deadline: T0 + leftMs });
  }
  assert.deepEqual(
    ran.map(({ timeoutMs, stallTimeoutMs }) => [timeoutMs, stallTimeoutMs]),
    [
      [30_000, 10],
      [30_000, 30_000],
      [30_000, 30_000],
      [40_000, 40_000],
      [HOUR_MS, HOUR_MS],
    ],
  );
});
