import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { estimate, type JobView, type NodeView, score, TERMS, WEIGHTS } from '../../../relay/scheduler/score.ts';

const NOW = 1_790_000_000_000;
const HOUR_MS = 3_600_000;
const measured = (value: number, samples = 100, at = NOW) => ({ value, samples, at });

const NODE: NodeView = {
  slots: 4,
  reserved: 0,
  roundTripMs: 10,
  isWarm: true,
  modelBytes: 1_000_000_000,
  claimed: undefined,
  succeeded: 50,
  failed: 0,
  own: undefined,
  pool: undefined,
  hasAffinity: false,
};
const JOB: JobView = { work: { type: 'llm', inputTokens: 200, maxOutputTokens: 100 }, sort: null };
const total = (changes: Partial<NodeView>, job: JobView = JOB) => score({ ...NODE, ...changes }, job, NOW).totalMs;

test('predicts times from what was measured on the node', () => {
  const own = { firstToken: measured(100), inputTokens: measured(200), perToken: measured(10) };
  const { firstTokenMs, endMs, terms } = score({ ...NODE, own }, JOB, NOW);
  // Thirty samples and one prior.
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 0.2 * expected, `${actual}`);
  near(firstTokenMs, 110);
  near(endMs, 110 + 1_000);
  assert.equal(terms.load, 0);
});

test('is worse for a node that is slow, far, cold, loaded or unreliable, and better for one the conversation knows', () => {
  const idle = total({});
  assert.ok(total({ own: { perToken: measured(400) } }) > idle);
  assert.ok(total({ own: { firstToken: measured(9_000) } }) > idle);
  assert.ok(total({ roundTripMs: 300 }) > idle);
  assert.ok(total({ isWarm: false }) > idle);
  assert.ok(total({ isWarm: false, modelBytes: 9e9 }) > total({ isWarm: false, modelBytes: 1e9 }));
  assert.ok(total({ reserved: 3 }) > total({ reserved: 1 }));
  assert.ok(total({ failed: 3 }) > idle);
  assert.ok(total({ succeeded: 0 }) > idle, 'a stranger is trusted less than a node that has proven itself');
  assert.ok(total({ succeeded: 0 }) < total({ succeeded: 0, failed: 1 }), 'and more than one that failed');
  assert.ok(total({ hasAffinity: true }) < idle);
  assert.equal(total({ hasAffinity: true, reserved: 3 }), total({ reserved: 3 }), 'a busy node is no old friend');
});

test('believes the node until the relay has measured something itself', () => {
  const claimed = { tokens_per_s: 1_000, load_ms: 5, samples: 9 };
  assert.ok(total({ claimed }) < total({}));
  assert.ok(total({ claimed, isWarm: false }) < total({ isWarm: false }));
  const own = { perToken: measured(100) };
  assert.ok(Math.abs(total({ claimed, own }) - total({ own })) < 0.1 * total({ own }));
});

test('assumes the average of the pool where the node was not measured', () => {
  const pool = { firstToken: measured(50), inputTokens: measured(200), perToken: measured(2) };
  assert.ok(total({ pool }) < total({}));
  assert.ok(Math.abs(score({ ...NODE, pool }, JOB, NOW).endMs - (10 + 50 + 200)) < 1);
});

test('weighs what the caller sorts by', () => {
  const quick = { firstToken: measured(10), inputTokens: measured(200), perToken: measured(50) };
  const strong = { firstToken: measured(2_000), inputTokens: measured(200), perToken: measured(5) };
  const by = (sort: JobView['sort'], own: NodeView['own'], reserved = 0) =>
    total({ own, reserved }, { work: { ...JOB.work, maxOutputTokens: 200 }, sort });
  assert.ok(by('latency', quick) < by('latency', strong));
  assert.ok(by('throughput', strong) < by('throughput', quick));
  assert.ok(by('load', strong, 0) < by('load', quick, 1));
});

test('an estimate lies between the measurement and the prior, and leans to the latter as samples age', () => {
  assert.equal(estimate(undefined, 70, NOW), 70);
  const fresh = estimate(measured(10), 70, NOW);
  const old = estimate(measured(10, 100, NOW - 10 * HOUR_MS), 70, NOW);
  assert.ok(fresh > 10 && fresh < 16 && old > 60 && old < 70);
  assert.ok(estimate(measured(10, 1), 70, NOW) > fresh, 'one sample says less than many');
});

const view: fc.Arbitrary<NodeView> = fc
  .record({
    slots: fc.nat(16),
    reserved: fc.nat(16),
    roundTripMs: fc.option(fc.double({ min: 0, max: 5_000, noNaN: true })),
    isWarm: fc.boolean(),
    modelBytes: fc.nat(),
    succeeded: fc.nat(200),
    failed: fc.nat(200),
    hasAffinity: fc.boolean(),
  })
  .map((node) => ({
    ...node,
    claimed: { tokens_per_s: 0, load_ms: null, samples: 0 },
    own: undefined,
    pool: undefined,
  }));

test('is a finite number of milliseconds, the sum of its weighted terms, for any node and job', () => {
  fc.assert(
    fc.property(view, fc.nat(1_000_000), fc.option(fc.integer({ min: 1, max: 100_000 })), (node, tokens, most) => {
      const job: JobView = { work: { type: 'llm', inputTokens: tokens, maxOutputTokens: most }, sort: 'latency' };
      const { totalMs, firstTokenMs, endMs, terms } = score(node, job, NOW);
      assert.ok(Number.isFinite(totalMs) && firstTokenMs >= 0 && endMs >= firstTokenMs);
      const sum = TERMS.reduce((so, name) => so + terms[name] * WEIGHTS.latency[name], 0);
      assert.ok(Math.abs(sum - totalMs) <= 1e-6 * Math.abs(totalMs) + 1e-6);
    }),
    { seed: 31, numRuns: 500 },
  );
});
