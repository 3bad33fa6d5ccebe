import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNodeTable } from '../../../../relay/fabric/node-table.ts';
import type { JobSpec } from '../../../../relay/jobs/job.ts';
import { createDispatcher, type DispatcherPorts } from '../../../../relay/jobs/queue/dispatcher.ts';
import { newLiveJob } from '../../../../relay/jobs/queue/live-job.ts';
import type { JobResult } from '../../../../relay/jobs/run-job.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { admission } from '../../../support/live-nodes.ts';
import { silentLog } from '../../../support/pool.ts';
import { until } from '../../../support/until.ts';
import { queuedOrder } from '../../store/store-records.ts';

/** A dispatcher before one free slot, whose runs all wait for something else until they are ended. */
function startDispatcher({ mostRunningBytes = Number.MAX_SAFE_INTEGER } = {}) {
  const table = createNodeTable();
  table.admit(admission('n', ['m']));
  const asked: JobSpec[] = [];
  const ends: (() => void)[] = [];
  const run = (job: JobSpec): Promise<JobResult> => {
    asked.push(job);
    return new Promise((_, fail) => ends.push(() => fail(new Problem('node_fault', 'It broke.'))));
  };
  const dispatcher = createDispatcher({
    ...{ table, weightOf: () => 1, paceMs: () => 0, mostRunningBytes },
    run: {
      jobs: { run },
      limits: { timeoutMs: 1, stallTimeoutMs: 1, resultBytes: 1 },
      ...{ now: () => 0, move: () => undefined, log: silentLog },
    } as unknown as DispatcherPorts['run'],
    ended: () => Promise.resolve(),
  });
  const lineUp = (id: string, apiKeyId: string, inputBytes = 1): void => {
    const order = queuedOrder(id, { apiKeyId, model: 'm', routing: null, inputBytes });
    const job = { ...order, state: 'queued' as const, startedAt: null, finishedAt: null, attempts: [], changes: [] };
    dispatcher.lineUp(newLiveJob(job, [], { input: '{"input":{}}' }));
  };
  return { asked, ends, lineUp, close: dispatcher.close };
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

test('jobs that run hold no more of their inputs than they may, others begin as they end, and none once it is closed', async () => {
  const { asked, ends, lineUp, close } = startDispatcher({ mostRunningBytes: 100 });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  for (let i = 1; i <= 5; i++) lineUp(`job_${i}`, 'key', 60);
  await until(() => asked.length === 2);
  for (let turns = 0; turns < 10; turns++) await turn();
  assert.equal(asked.length, 2, 'the last may go beyond the limit, and none after it');
  ends[0]?.();
  await until(() => asked.length === 3);
  close();
  for (const end of ends) end();
  for (let turns = 0; turns < 10; turns++) await turn();
  assert.equal(asked.length, 3);
  const other = startDispatcher();
  other.lineUp('job_1', 'key');
  other.close();
  await turn();
  assert.equal(other.asked.length, 0);
});
