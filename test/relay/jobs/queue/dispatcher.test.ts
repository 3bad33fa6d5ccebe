import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNodeTable } from '../../../../relay/fabric/node-table.ts';
import type { JobSpec } from '../../../../relay/jobs/job.ts';
import { createDispatcher, type DispatcherPorts } from '../../../../relay/jobs/queue/dispatcher.ts';
import { newLiveJob } from '../../../../relay/jobs/queue/live-job.ts';
import type { JobResult } from '../../../../relay/jobs/run-job.ts';
import { admission } from '../../../support/live-nodes.ts';
import { silentLog } from '../../../support/pool.ts';
import { until } from '../../../support/until.ts';
import { queuedOrder } from '../../store/store-records.ts';

/** A dispatcher before one free slot, whose runs all wait for something else. */
function startDispatcher() {
  const table = createNodeTable();
  table.admit(admission('n', ['m']));
  const asked: JobSpec[] = [];
  const run = (job: JobSpec): Promise<JobResult> => {
    asked.push(job);
    return new Promise(() => undefined);
  };
  const dispatcher = createDispatcher({
    ...{ table, weightOf: () => 1, paceMs: () => 0, mostRunningBytes: Number.MAX_SAFE_INTEGER },
    run: {
      jobs: { run },
      limits: { timeoutMs: 1, stallTimeoutMs: 1, resultBytes: 1 },
      ...{ now: () => 0, move: () => undefined, log: silentLog },
    } as unknown as DispatcherPorts['run'],
    ended: () => Promise.resolve(),
  });
  const lineUp = (id: string, apiKeyId: string): void => {
    const order = queuedOrder(id, { apiKeyId, model: 'm', routing: null });
    const job = { ...order, state: 'queued' as const, startedAt: null, finishedAt: null, attempts: [], changes: [] };
    dispatcher.lineUp(newLiveJob(job, [], { input: '{"input":{}}' }));
  };
  return { asked, lineUp };
}

test('a job that waits for other nodes than the free one holds up no job that could take that', async () => {
  const { asked, lineUp } = startDispatcher();
  lineUp('job_1', 'pinned');
  lineUp('job_2', 'other');
  await until(() => asked.length === 2);
  assert.deepEqual(
    asked.map(({ id }) => id),
    ['job_1', 'job_2'],
  );
});

test('jobs that wait leave room for those who wait for an answer', async () => {
  const { asked, lineUp } = startDispatcher();
  for (let i = 0; i < 66; i++) lineUp(`job_${i}`, 'pinned');
  await until(() => asked.length === 66);
  const waits = asked.map(({ maxWaitMs }) => maxWaitMs);
  assert.deepEqual([waits[0], waits[63], waits[64], waits[65]], [1_000, 1_000, 0, 0]);
});
