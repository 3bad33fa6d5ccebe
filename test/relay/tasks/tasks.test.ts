import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createParallelLimits } from '../../../relay/access/parallel-limits.ts';
import type { JobSpec } from '../../../relay/jobs/job.ts';
import type { JobResult, JobRunner } from '../../../relay/jobs/run-job.ts';
import { createTasks } from '../../../relay/tasks/tasks.ts';
import { Problem } from '../../../shared/problems/problem.ts';

/** Runs whose end the test decides. */
function startTasks() {
  const running = new Map<string, { end(text: string): void; fail(problem: Problem): void }>();
  const jobs: Pick<JobRunner, 'run' | 'running'> = {
    run: (job, sink, { signal }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        running.set(job.id, {
          end: (text) => {
            sink.text?.('Hm.', 1, { reasoning: true });
            sink.text?.(text, 1);
            resolve({ done: { finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } } } as JobResult);
          },
          fail: reject,
        });
      }),
    running: () => running.size,
  };
  return { tasks: createTasks({ jobs, slots: createParallelLimits(), now: () => 7 }), running };
}

const job = (n: number | string, apiKeyId = 'k') => ({ id: `job_${n}`, apiKeyId, type: 'llm', model: 'm' }) as JobSpec;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('keeps the result of a task for its key alone', async () => {
  const { tasks, running } = startTasks();
  const { id } = tasks.submit(job(1), 'attic');
  assert.equal(tasks.find(id, 'k')?.state, 'running');
  running.get('job_1')?.end('hello');
  await tasks.whenEnded(id);
  const task = tasks.find(id, 'k');
  assert.deepEqual(
    [task?.state, task?.finished_at, task?.result],
    [
      'succeeded',
      7,
      { text: 'hello', reasoning: 'Hm.', finish_reason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } },
    ],
  );
  assert.equal(tasks.find(id, 'other'), undefined);
  assert.equal(tasks.find(id, null)?.id, id);
});

test('a task that failed or was cancelled says so, and ends once', async () => {
  const { tasks, running } = startTasks();
  const [failing, cancelled] = [tasks.submit(job(1), 'a'), tasks.submit(job(2), 'a')];
  running.get('job_1')?.fail(new Problem('node_lost', 'It vanished.'));
  assert.equal(tasks.cancel(cancelled.id, 'other'), false);
  assert.equal(tasks.cancel(cancelled.id, 'k'), true);
  await settled();
  assert.deepEqual(
    [failing, cancelled].map(({ id }) => [tasks.find(id, 'k')?.state, tasks.find(id, 'k')?.problem?.code]),
    [
      ['failed', 'node_lost'],
      ['cancelled', 'cancelled'],
    ],
  );
  assert.equal(tasks.cancel(cancelled.id, 'k'), false);
});

test('a task waits for its approval, and a refused one never runs', async () => {
  const { tasks, running } = startTasks();
  const approval = Promise.withResolvers<void>();
  const waiting = tasks.submit(job(1), 'a', () => approval.promise);
  const refused = tasks.submit(job(2), 'a', async () => {
    throw new Problem('insufficient_scope', 'A person said no.');
  });
  await settled();
  assert.deepEqual([waiting.state, running.size], ['awaiting_approval', 0]);
  assert.deepEqual([tasks.find(refused.id, 'k')?.state, running.size], ['failed', 0]);
  approval.resolve();
  await settled();
  assert.deepEqual([tasks.find(waiting.id, 'k')?.state, running.size], ['running', 1]);
  const unanswered = tasks.submit(job(3), 'a', () => new Promise(() => undefined));
  await tasks.close();
  assert.deepEqual([tasks.find(unanswered.id, 'k')?.problem?.code, running.size], ['draining', 1]);
});

test('forgets the oldest results when there are too many or they are too large, and refuses too many at once', async () => {
  const { tasks, running } = startTasks();
  const end = async (n: number, text: string): Promise<void> => {
    const { id } = tasks.submit(job(n), 'a');
    running.get(`job_${n}`)?.end(text);
    await tasks.whenEnded(id);
  };
  for (let n = 0; n < 1_001; n++) await end(n, 'small');
  assert.deepEqual([tasks.find('task_0', 'k'), tasks.find('task_1', 'k')?.state], [undefined, 'succeeded']);
  for (let n = 2_000; n < 2_005; n++) await end(n, 'x'.repeat(16 * 1024 * 1024));
  assert.equal(tasks.find('task_1000', 'k'), undefined);
  assert.deepEqual([tasks.find('task_2001', 'k'), tasks.find('task_2004', 'k')?.state], [undefined, 'succeeded']);
  for (let n = 3_000; n < 4_000; n++) tasks.submit(job(n), 'a');
  assert.throws(() => tasks.submit(job(9_999), 'a'), { code: 'queue_full' });
  await tasks.close();
  assert.equal(tasks.find('task_3000', 'k') === undefined || tasks.find('task_3999', 'k')?.state === 'failed', true);
});
