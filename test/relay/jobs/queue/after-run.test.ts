import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterRun, countAttempts } from '../../../../relay/jobs/queue/after-run.ts';
import type { AttemptRecord } from '../../../../relay/store/store.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import type { ProblemCode } from '../../../../shared/problems/table.ts';

function attempt(code: ProblemCode | null): AttemptRecord {
  const problem = code === null ? null : { code, detail: 'x' };
  const times = { queuedAt: 1, startedAt: 1, finishedAt: 2, firstTokenAt: null };
  return { attempt: 1, nodeId: 'n', epoch: 1, state: code === null ? 'succeeded' : 'failed', problem, ...times };
}

const decide = (code: ProblemCode, earlier: (ProblemCode | null)[] = []) =>
  afterRun(new Problem(code, 'x'), earlier.map(attempt), { maxAttempts: 2 });

test('a job whose node went away or could not, or that found none, waits for another', () => {
  const ofNodes = ['node_lost', 'policy_refused', 'handed_back', 'stale_epoch', 'node_busy', 'tool_unusable'] as const;
  const ofOthers = ['no_capacity', 'queue_full', 'bus_unavailable', 'storage_failed', 'file_transfer_failed'] as const;
  for (const code of [...ofNodes, ...ofOthers, 'draining'] as const) assert.equal(decide(code), 'requeue', code);
});

test('a job that failed by itself fails, however many attempts are left', () => {
  for (const code of ['node_fault', 'invalid_value', 'context_length_exceeded', 'job_timeout', 'internal'] as const) {
    assert.equal(decide(code), 'fail', code);
  }
});

test('a job that was given up ends as it was meant to', () => {
  assert.deepEqual(
    [decide('cancelled'), decide('task_refused'), decide('job_expired')],
    ['cancel', 'cancel', 'expire'],
  );
});

test('nodes that vanish cost attempts, and what was broken off from this side or never began costs none', () => {
  assert.equal(decide('node_lost', ['node_lost']), 'requeue');
  assert.equal(decide('node_lost', ['node_lost', 'node_lost']), 'fail');
  const stopped: ProblemCode[] = [
    'relay_lost',
    'draining',
    'relay_lost',
    'bus_unavailable',
    'stale_epoch',
    'node_busy',
  ];
  assert.equal(decide('node_lost', [...stopped, 'node_lost']), 'requeue');
  assert.equal(countAttempts([...stopped, 'node_lost' as const, null].map(attempt)), 2);
});

test('a job that is handed back again and again ends at last', () => {
  const handedBack = (times: number) => Array<ProblemCode>(times).fill('handed_back');
  assert.equal(decide('handed_back', handedBack(101)), 'requeue');
  assert.equal(decide('handed_back', handedBack(102)), 'fail');
});
