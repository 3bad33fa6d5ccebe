import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createParallelLimits } from '../../../../relay/access/parallel-limits.ts';
import type { LiveNode } from '../../../../relay/fabric/nodes/node-table.ts';
import { createNodeTable } from '../../../../relay/fabric/nodes/node-table.ts';
import type { AnswerSink } from '../../../../relay/jobs/attempt.ts';
import type { JobSpec } from '../../../../relay/jobs/job.ts';
import { createDispatcher, type DispatcherPorts } from '../../../../relay/jobs/queue/dispatcher.ts';
import { type LiveJob, newLiveJob } from '../../../../relay/jobs/queue/live-job.ts';
import type { JobResult } from '../../../../relay/jobs/run-job.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { admission } from '../../../support/nodes/live-nodes.ts';
import { silentLog } from '../../../support/pool.ts';
import { until } from '../../../support/until.ts';
import { queuedOrder } from '../../store/store-records.ts';

/** A dispatcher before one free slot, whose runs all wait for something else until they are ended. */
function startDispatcher({ mostRunningBytes = Number.MAX_SAFE_INTEGER } = {}) {
  const table = createNodeTable();
  table.admit(admission('n', ['m']));
  const asked: JobSpec[] = [];
  const ends: (() => void)[] = [];
  const callers: AbortController[] = [];
  const pace = { ms: 0 };
  const slots = createParallelLimits();
  const sinks: AnswerSink[] = [];
  const run = (job: JobSpec, sink: AnswerSink, caller: AbortController): Promise<JobResult> => {
    asked.push(job);
    sinks.push(sink);
    callers.push(caller);
    return new Promise((_, fail) => ends.push(() => fail(new Problem('node_fault', 'It broke.'))));
  };
  const dispatcher = createDispatcher({
    ...{ table, weightOf: () => 1, paceMs: () => pace.ms, slots, mostRunningBytes },
    run: {
      jobs: { run },
      limits: { timeoutMs: 1, stallTimeoutMs: 1, resultBytes: 1 },
      ...{ now: () => 0, move: () => undefined, log: silentLog },
    } as unknown as DispatcherPorts['run'],
    ended: () => Promise.resolve(),
  });
  const entryOf = (id: string, apiKeyId: string, inputBytes = 1): LiveJob => {
    const order = queuedOrder(id, { apiKeyId, model: 'm', routing: null, inputBytes });
    const job = { ...order, state: 'queued' as const, startedAt: null, finishedAt: null, attempts: [], changes: [] };
    return newLiveJob(job, [], { input: '{"input":{}}' });
  };
  const lineUp = (...args: Parameters<typeof entryOf>): void => dispatcher.lineUp(entryOf(...args));
  return { ...dispatcher, asked, sinks, callers, ends, pace, slots, entryOf, lineUp };
}

/** Lets everything that was begun take its course, without letting time pass. */
async function pass(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
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
  const { asked, callers, ends, lineUp, close } = startDispatcher({ mostRunningBytes: 100 });
  for (let i = 1; i <= 5; i++) lineUp(`job_${i}`, 'key', 60);
  await until(() => asked.length === 2);
  await pass();
  assert.equal(asked.length, 2, 'the last may go beyond the limit, and none after it');
  ends[0]?.();
  await until(() => asked.length === 3);
  close();
  assert.deepEqual(
    callers.map(({ signal }) => signal.reason?.code),
    [undefined, 'draining', 'draining'],
  );
  for (const end of ends) end();
  await pass();
  assert.equal(asked.length, 3);
  const other = startDispatcher();
  other.lineUp('job_1', 'key');
  other.close();
  await pass();
  assert.equal(other.asked.length, 0);
});

test('jobs of a key that has used up its minute begin when it has something left, and are looked at again before', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { asked, lineUp, pace } = startDispatcher();
  pace.ms = 300;
  lineUp('job_1', 'key');
  await pass();
  t.mock.timers.tick(299);
  await pass();
  assert.equal(asked.length, 0);
  pace.ms = 0;
  t.mock.timers.tick(1);
  await pass();
  assert.equal(asked.length, 1);
  pace.ms = 60_000;
  lineUp('job_2', 'key');
  await pass();
  // Its limit may be raised meanwhile.
  pace.ms = 0;
  t.mock.timers.tick(9_999);
  await pass();
  assert.equal(asked.length, 1);
  t.mock.timers.tick(1);
  await pass();
  assert.equal(asked.length, 2);
});

test('a job that no node took rests longer each time, and one that is taken out begins no more, wherever it is', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { asked, ends, entryOf, lineUp, rest, leave, waiting, keys } = startDispatcher();
  const entry = entryOf('job_1', 'key');
  for (const [restMs, runs] of [
    [100, 1],
    [200, 2],
    [400, 3],
  ] as const) {
    rest(entry);
    t.mock.timers.tick(restMs - 1);
    await pass();
    assert.equal(asked.length, runs - 1);
    t.mock.timers.tick(1);
    await pass();
    assert.equal(asked.length, runs);
    ends.at(-1)?.();
    await pass();
  }
  rest(entry);
  leave(entry);
  const lined = entryOf('job_2', 'key');
  lineUp('job_3', 'key_2');
  const before = waiting();
  rest(lined);
  t.mock.timers.tick(60_000);
  leave(lined);
  assert.deepEqual([before, waiting(), waiting('key'), waiting('key_2')], [1, 1, 0, 1]);
  assert.deepEqual([...keys()], ['key_2']);
  await pass();
  assert.deepEqual(
    asked.map(({ id }) => id),
    ['job_1', 'job_1', 'job_1', 'job_3'],
  );
});

test('a job of a key with no free slot holds up no other, begins when one is free, and has it until its run is over', async () => {
  const { asked, ends, slots, lineUp } = startDispatcher();
  slots.fit('full', 1);
  const leave = slots.begin('full');
  lineUp('job_1', 'full');
  lineUp('job_2', 'other');
  await until(() => asked.length === 1);
  await pass();
  assert.deepEqual(
    asked.map(({ id }) => id),
    ['job_2'],
  );
  leave();
  await until(() => asked.length === 2);
  assert.deepEqual([asked[1]?.id, slots.standing('full')?.running], ['job_1', 1]);
  ends[1]?.();
  await until(() => slots.standing('full')?.running === 0);
});

test('a job waits until a node is chosen for it, also while it rests or asks for a slot', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { asked, ends, sinks, entryOf, lineUp, rest, waiting, asking, keys } = startDispatcher();
  const shown = () => [waiting(), waiting('key'), asking(), [...keys()].join()];
  const entry = entryOf('job_1', 'key');
  rest(entry);
  assert.deepEqual(shown(), [1, 1, 0, 'key']);
  t.mock.timers.tick(100);
  assert.deepEqual(shown(), [1, 1, 0, 'key'], 'in the line');
  await pass();
  assert.equal(asked.length, 1);
  assert.deepEqual(shown(), [1, 1, 1, 'key'], 'asking');
  lineUp('job_2', 'key');
  await pass();
  assert.deepEqual(shown(), [2, 2, 2, 'key']);
  sinks[0]?.assigned?.({ id: 'n', epoch: 1 } as LiveNode, 1);
  assert.deepEqual(shown(), [1, 1, 1, 'key'], 'one has a node');
  ends[0]?.();
  await pass();
  rest(entry);
  assert.deepEqual(shown(), [2, 2, 1, 'key'], 'it was given back');
});
