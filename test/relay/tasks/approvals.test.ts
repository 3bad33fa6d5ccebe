import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobSpec } from '../../../relay/jobs/job.ts';
import { createApprovals } from '../../../relay/tasks/approvals.ts';
import type { Task } from '../../../shared/api/nodes.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { isProblem } from '../../support/problems.ts';

const task = (id: string) => ({ id, node: 'attic', type: 'llm', model: 'm' }) as Task;
const job = { apiKeyId: 'key_1', input: { messages: [{ role: 'user', content: 'a secret' }] } } as JobSpec;

function ask(approvals: ReturnType<typeof createApprovals>, id: string) {
  const abort = new AbortController();
  const answer = approvals.ask(task(id), job, abort.signal);
  answer.catch(() => undefined);
  return { abort, answer };
}

test('[T8] a task waits until it is approved, once', async () => {
  const approvals = createApprovals({ now: () => 1_000, lifetimeMs: 500 });
  const { answer } = ask(approvals, 'task_1');
  const [shown] = approvals.list();
  assert.equal(shown?.client, 'key_1');
  assert.equal(shown?.expires_at, 1_500);
  assert.ok(!JSON.stringify(shown).includes('secret'), 'the list shows no input');
  assert.deepEqual(approvals.find('task_1').input, job.input);
  approvals.approve('task_1', shown?.input_sha256 ?? null);
  await answer;
  assert.deepEqual(approvals.list(), []);
  assert.throws(() => approvals.approve('task_1', null), isProblem('task_not_found', /task_1/));
});

test('[T8] what is approved is what was seen', () => {
  const approvals = createApprovals({ now: () => 0 });
  ask(approvals, 'task_1').abort.signal.throwIfAborted();
  assert.throws(
    () => approvals.approve('task_1', 'f'.repeat(64)),
    isProblem('invalid_value', /Look at the task again/),
  );
  assert.equal(approvals.list().length, 1);
  approvals.approve('task_1', null);
});

test('[T8] a refusal carries its reason to whoever asked', async () => {
  const approvals = createApprovals({ now: () => 0 });
  const { answer } = ask(approvals, 'task_1');
  approvals.refuse('task_1', 'not today');
  await assert.rejects(answer, isProblem('task_refused', /: not today$/));
});

test('[T8] a task that nobody decides about expires, and one whose asker goes is forgotten', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const approvals = createApprovals({ now: () => 0, lifetimeMs: 60_000 });
  const [first, second] = [ask(approvals, 'task_1'), ask(approvals, 'task_2')];
  second.abort.abort(new Problem('cancelled', 'Never mind.'));
  await assert.rejects(second.answer, isProblem('cancelled', /Never mind/));
  t.mock.timers.tick(59_999);
  assert.equal(approvals.list().length, 1);
  t.mock.timers.tick(1);
  await assert.rejects(first.answer, isProblem('approval_expired', /within 1 minutes/));
  assert.equal(approvals.list().length, 0);
});

test('[T8] no more wait than a person could read', async () => {
  const approvals = createApprovals({ now: () => 0, most: 1 });
  const { abort } = ask(approvals, 'task_1');
  assert.throws(() => approvals.ask(task('task_2'), job, abort.signal), isProblem('queue_full', /1 tasks wait/));
  abort.abort(new Error('over'));
});

test('[T8] inputs that wait are bounded in size together, and make room when they are decided', async () => {
  const sizeBytes = JSON.stringify(job.input).length;
  const approvals = createApprovals({ now: () => 0, mostBytes: 2 * sizeBytes });
  const full = isProblem('queue_full', /2 tasks wait/);
  const [first, second] = [ask(approvals, 'task_1'), ask(approvals, 'task_2')];
  assert.throws(() => ask(approvals, 'task_3'), full);
  approvals.approve('task_1', null);
  await first.answer;
  ask(approvals, 'task_3').abort.abort(new Problem('cancelled', 'Never mind.'));
  approvals.refuse('task_2', null);
  await assert.rejects(second.answer);
  const { abort } = ask(approvals, 'task_4');
  const last = ask(approvals, 'task_5');
  assert.throws(() => ask(approvals, 'task_6'), full);
  for (const one of [abort, last.abort]) one.abort(new Problem('cancelled', 'Over.'));
});
