import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecisionLog, decisionIdOf } from '../../../relay/scheduler/decisions.ts';
import { Problem } from '../../../shared/problems/problem.ts';

const job = (id: string, apiKeyId = 'k') => ({ id, apiKeyId, model: 'm' });

test('keeps the newest decisions and no more', () => {
  const log = createDecisionLog(() => 5, 3);
  for (let i = 0; i < 5; i++) log.jobEnded(job(`job_${i}`), null);
  const kept = Array.from({ length: 5 }, (_, i) => log.find(`dec_${i}`, 'k')?.id);
  assert.deepEqual(kept, [undefined, undefined, 'dec_2', 'dec_3', 'dec_4']);
});

test('says how a job ended, and nothing to another key', () => {
  const log = createDecisionLog(() => 5);
  log.jobEnded(job('job_a'), new Problem('cancelled', 'Gone.'));
  log.jobEnded(job('job_b'), new Problem('no_capacity', 'Full.'));
  log.attemptEnded('job_unknown', { first_token_ms: null, end_ms: 1, problem: null });
  assert.deepEqual([log.find('dec_a', 'k')?.state, log.find('dec_b', null)?.state], ['cancelled', 'failed']);
  assert.equal(log.find('dec_b', 'k')?.problem, 'no_capacity');
  assert.equal(log.find('dec_a', 'other'), undefined);
  assert.equal(log.find('__proto__', null), undefined);
});

test("a decision's id follows from its job's", () => {
  assert.equal(decisionIdOf('job_0abc'), 'dec_0abc');
});
