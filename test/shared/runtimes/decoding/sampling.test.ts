import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { createSampler, likeliest, planSampling } from '../../../../shared/runtimes/transformers/decoding/sampling.ts';

const PROBABILITIES = [0.5, 0.25, 0.15, 0.1];
const DRAWS = 20_000;

type Plan = { temperature: number; topP: number; topK: number; minP?: number };

function shares(plan: Plan, probabilities = PROBABILITIES): number[] {
  const sample = createSampler({ minP: 0, ...plan }, createRandom(7));
  const counts = probabilities.map(() => 0);
  for (let draw = 0; draw < DRAWS; draw++) {
    const id = sample(Float32Array.from(probabilities, Math.log));
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts.map((count) => count / DRAWS);
}

function assertShares(actual: number[], expected: number[]): void {
  for (const [id, share] of expected.entries()) {
    // Four standard deviations of a share of 0.5 over 20,000 draws are 0.014.
    assert.ok(Math.abs((actual[id] ?? 0) - share) < 0.015, `token ${id}: ${actual[id]} instead of ${share}`);
  }
}

test('draws every token with its probability at temperature 1', () => {
  assertShares(shares({ temperature: 1, topP: 1, topK: 0 }), PROBABILITIES);
});

test('sharpens the distribution below temperature 1 and flattens it above', () => {
  const powered = (exponent: number): number[] => {
    const weights = PROBABILITIES.map((share) => share ** exponent);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };
  assertShares(shares({ temperature: 0.5, topP: 1, topK: 0 }), powered(2));
  assertShares(shares({ temperature: 2, topP: 1, topK: 0 }), powered(0.5));
});

test('keeps the smallest set of likeliest tokens that holds top_p', () => {
  assertShares(shares({ temperature: 1, topP: 0.7, topK: 0 }), [2 / 3, 1 / 3, 0, 0]);
  assertShares(shares({ temperature: 1, topP: 0.01, topK: 0 }), [1, 0, 0, 0]);
  assertShares(shares({ temperature: 1, topP: 0.8, topK: 0 }), [0.5 / 0.9, 0.25 / 0.9, 0.15 / 0.9, 0]);
});

test('keeps the top_k tokens that a model asks for', () => {
  assertShares(shares({ temperature: 1, topP: 1, topK: 2 }), [2 / 3, 1 / 3, 0, 0]);
});

test('leaves out what is less than min_p times as likely as the likeliest', () => {
  assertShares(shares({ temperature: 1, topP: 1, topK: 0, minP: 0.4 }), [2 / 3, 1 / 3, 0, 0]);
  assertShares(shares({ temperature: 1, topP: 1, topK: 0, minP: 0.1 }), PROBABILITIES);
});

test('takes the likeliest first wherever they stand, and of equals the first', () => {
  const mixed = [0.1, 0.5, 0.15, 0.25];
  assertShares(shares({ temperature: 1, topP: 0.7, topK: 0 }, mixed), [0, 2 / 3, 0, 1 / 3]);
  assertShares(shares({ temperature: 1, topP: 1, topK: 2 }, mixed), [0, 2 / 3, 0, 1 / 3]);
  assertShares(shares({ temperature: 1, topP: 1, topK: 2 }, [0.2, 0.2, 0.2, 0.4]), [1 / 3, 0, 0, 2 / 3]);
  assert.equal(likeliest(Float32Array.of(1, 5, 3, 5)), 1);
});

test('finds the nucleus of a flat distribution over many tokens', () => {
  const many = shares({ temperature: 1, topP: 0.5, topK: 0 }, new Array<number>(100).fill(0.01));
  assert.equal(many.filter((share) => share > 0).length, 50);
});

test('never draws a token whose score is minus infinity', () => {
  const sample = createSampler({ temperature: 2, topP: 0.999, topK: 0, minP: 0 }, createRandom(1));
  for (let draw = 0; draw < 1_000; draw++) {
    assert.notEqual(sample(Float32Array.of(0, Number.NEGATIVE_INFINITY, 0)), 1);
  }
});

test('gives the same numbers for a seed and others for another, negative and large ones included', () => {
  const first = (seed: number): number[] => Array.from({ length: 4 }, createRandom(seed));
  assert.deepEqual(first(42), first(42));
  const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
  assert.equal(new Set(seeds.map((seed) => first(seed).join())).size, seeds.length);
});

test('decodes greedily when neither the caller nor the model asks for sampling', () => {
  const unset = { temperature: null, topP: null };
  assert.equal(planSampling(unset, {}), null);
  assert.equal(planSampling(unset, { do_sample: false, temperature: 0.7 }), null);
  assert.equal(planSampling({ temperature: 0, topP: null }, { do_sample: true }), null);
  assert.equal(planSampling({ temperature: 1, topP: 0 }, {}), null);
  assert.equal(planSampling({ temperature: 1, topP: null, topK: 1 }, {}), null);
  assert.equal(planSampling({ temperature: 1, topP: null, minP: 1 }, {}), null);
});

test("samples as the model's own defaults say unless the caller says otherwise", () => {
  const defaults = { do_sample: true, temperature: 0.6, top_p: 0.9, top_k: 40 };
  assert.deepEqual(planSampling({ temperature: null, topP: null }, defaults), {
    temperature: 0.6,
    topP: 0.9,
    topK: 40,
    minP: 0,
  });
  assert.deepEqual(planSampling({ temperature: 1.5, topP: 1 }, defaults), {
    temperature: 1.5,
    topP: 1,
    topK: 40,
    minP: 0,
  });
  const wishes = { temperature: 1, topP: null, topK: 7, minP: 0.1 };
  assert.deepEqual(planSampling(wishes, defaults), { temperature: 1, topP: 0.9, topK: 7, minP: 0.1 });
  const all = { temperature: 1, topP: 1, topK: 0, minP: 0 };
  assert.deepEqual(planSampling({ temperature: 1, topP: null }, {}), all);
  assert.deepEqual(planSampling({ temperature: 1, topP: null }, { ...defaults, do_sample: false, min_p: 0.1 }), all);
  const narrow = planSampling({ temperature: null, topP: null }, { do_sample: true, min_p: 0.05 });
  assert.deepEqual(narrow, { ...all, minP: 0.05 });
});
