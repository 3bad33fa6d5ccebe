import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import type { ScoredNode } from '../../../relay/scheduler/choose.ts';
import { createDecisionLog, decisionIdOf, showScore } from '../../../relay/scheduler/decisions.ts';
import { score } from '../../../relay/scheduler/score.ts';
import { UNKNOWN_WORK, type Wanted } from '../../../relay/scheduler/wanted.ts';
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
  assert.deepEqual([log.find('dec_a', 'k')?.state, log.find('dec_b', null)?.state], ['cancelled', 'failed']);
  assert.equal(log.find('dec_b', 'k')?.problem, 'no_capacity');
  assert.equal(log.find('dec_a', 'other'), undefined);
  for (const id of ['__proto__', '', 'dec_', 'job_a']) assert.equal(log.find(id, null), undefined, id);
});

test("a decision's id follows from its job's", () => {
  assert.equal(decisionIdOf('job_0abc'), 'dec_0abc');
});

const wanted = (id: string): Wanted => ({
  model: 'm',
  exclude: new Set(),
  maxWaitMs: 0,
  signal: new AbortController().signal,
  routing: undefined,
  job: { id, apiKeyId: 'k' },
});
const NODE = { slots: 2, reserved: 1, roundTripMs: 20, isWarm: true, modelBytes: 0, succeeded: 0, failed: 0 };
const UNKNOWN = { claimed: undefined, own: undefined, pool: undefined, hasAffinity: false };
const scored = (id: string) => ({
  node: { id } as LiveNode,
  score: score({ ...NODE, ...UNKNOWN }, { work: UNKNOWN_WORK, sort: null }, 0),
});

test('tells all choices of a job in turn, the three best nodes of each, and what came of them', () => {
  const log = createDecisionLog(() => 5);
  const nodes = ['a', 'b', 'c', 'd'].map(scored);
  const [best] = nodes as [ScoredNode];
  const first = log.chosen(wanted('job_1'), { best, compared: nodes, free: 9 }, 7);
  log.chosen(wanted('job_2'), { best, compared: [best], free: 1 }, 0);
  log.attemptEnded(first, { first_token_ms: null, end_ms: 30, problem: 'node_lost' });
  const second = log.chosen(wanted('job_1'), { best, compared: [best], free: 1 }, 0);
  const running = log.find('dec_1', 'k');
  assert.deepEqual(
    [running?.state, running?.choices.map(({ actual }) => actual?.problem)],
    ['running', ['node_lost', undefined]],
  );
  log.attemptEnded(second, { first_token_ms: 2, end_ms: 4, problem: null });
  log.jobEnded(job('job_1'), null);
  const decision = log.find('dec_1', 'k');
  assert.equal(decision?.state, 'succeeded');
  assert.deepEqual(
    decision?.choices.map(({ attempt, waited_ms, free_nodes, actual }) => [attempt, waited_ms, free_nodes, actual]),
    [
      [1, 7, 9, { first_token_ms: null, end_ms: 30, problem: 'node_lost' }],
      [2, 0, 1, { first_token_ms: 2, end_ms: 4, problem: null }],
    ],
  );
  assert.deepEqual(
    decision?.choices[0]?.compared,
    nodes.slice(0, 3).map(({ node, score }) => ({ node: node.id, score: showScore(score, 'balanced') })),
  );
  assert.deepEqual(decision?.choices[1]?.compared.length, 1);
});

test('what came of a choice that is no longer kept is not taken for that of another', () => {
  const log = createDecisionLog(() => 5, 2);
  const one = scored('a');
  const numbers = [1, 2, 3].map((i) => log.chosen(wanted(`job_${i}`), { best: one, compared: [one], free: 1 }, 0));
  log.attemptEnded(numbers[0] ?? -1, { first_token_ms: 1, end_ms: 1, problem: null });
  assert.deepEqual([log.find('dec_1', 'k'), log.find('dec_3', 'k')?.choices[0]?.actual], [undefined, null]);
  assert.equal(log.chosen({ ...wanted('job_4'), job: undefined }, { best: one, compared: [one], free: 1 }, 0), -1);
  log.attemptEnded(-1, { first_token_ms: 1, end_ms: 1, problem: null });
  assert.equal(log.find('dec_3', 'k')?.choices[0]?.actual, null);
});
