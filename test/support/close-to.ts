import assert from 'node:assert/strict';

/** Passes numbers that are apart by no more than `tolerance`; all else must be equal. */
export function assertClose(actual: unknown, expected: unknown, tolerance = 1e-4, place = 'it'): void {
  if (typeof expected === 'number' && typeof actual === 'number') {
    assert.ok(Math.abs(actual - expected) <= tolerance, `${place} is ${actual}, not ${expected}`);
  } else if (typeof expected === 'object' && expected !== null) {
    assert.ok(typeof actual === 'object' && actual !== null, `${place} is ${String(actual)}`);
    assert.deepEqual(Object.keys(actual), Object.keys(expected), place);
    for (const [key, value] of Object.entries(expected)) {
      assertClose((actual as Record<string, unknown>)[key], value, tolerance, `${place}.${key}`);
    }
  } else {
    assert.equal(actual, expected, place);
  }
}

export function softmax(scores: readonly number[]): number[] {
  const powers = scores.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
