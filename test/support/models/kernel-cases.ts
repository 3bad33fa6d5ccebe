import assert from 'node:assert/strict';
import { base64ToBytes, base64ToFloats, floatsToBase64 } from '../../../shared/protocol/base64.ts';
import type { JsonInput } from '../../../shared/protocol/messages.ts';
import type { KernelService } from '../../../shared/runtimes/kernels/kernel-inputs.ts';
import { seededRandom } from '../seeded-random.ts';

/** A job for the kernels, and what its output must be near, by a computation in float64 that shares no code with them. */
export type KernelCase = { name: string; service: KernelService; input: JsonInput; check(output: JsonInput): void };

/** Jobs of all kernels, small enough for a GPU that is simulated. */
export function kernelCases(): KernelCase[] {
  return [
    matrixCase('a product of odd sizes', { rows: 37, inner: 53, columns: 29 }),
    matrixCase('a product larger than a tile in every direction', { rows: 130, inner: 70, columns: 90 }),
    bodiesCase(),
    ...[false, true].map((inverse) => fourierCase({ length: 64, transforms: 5, inverse })),
    fourierCase({ length: 1_024, transforms: 1, inverse: false }),
    ...(['call', 'put', 'asian-call'] as const).map(walkCase),
    clusterCase(),
  ];
}

function randoms(count: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => random() * 2 - 1);
}

/** The largest difference, relative to the largest number that is expected. */
function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let [difference, largest] = [0, 0];
  for (let at = 0; at < expected.length; at += 1) {
    difference = Math.max(difference, Math.abs((actual[at] ?? Number.NaN) - (expected[at] ?? 0)));
    largest = Math.max(largest, Math.abs(expected[at] ?? 0));
  }
  return difference / largest;
}

export function floatsOf(output: JsonInput): Float32Array {
  return base64ToFloats(String(output.data));
}

function matrixCase(name: string, sizes: { rows: number; inner: number; columns: number }): KernelCase {
  const { rows, inner, columns } = sizes;
  const a = randoms(rows * inner, 1);
  const b = randoms(inner * columns, 2);
  const expected = Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < inner; k += 1) sum += (a[row * inner + k] ?? 0) * (b[k * columns + column] ?? 0);
    return sum;
  });
  return {
    name,
    service: 'science/matrix-product',
    input: { ...sizes, data: floatsToBase64(Float32Array.from([...a, ...b])) },
    check: (output) => {
      assert.deepEqual([output.rows, output.columns], [rows, columns]);
      assert.ok(worst(floatsOf(output), expected) < 1e-6);
    },
  };
}

/** Seventy bodies, which do not fill a tile, for twenty steps. */
function bodiesCase(): KernelCase {
  const random = seededRandom(3);
  const bodies = Array.from({ length: 70 }, () => Array.from({ length: 7 }, () => Math.fround(random() * 2 - 1)));
  for (const body of bodies) body[3] = Math.fround(Math.abs(body[3] ?? 0) / 70);
  const [steps, time, softening] = [20, 0.01, 0.1];
  const pulls = () =>
    bodies.map(([x = 0, y = 0, z = 0]) => {
      const pull = [0, 0, 0];
      for (const [ox = 0, oy = 0, oz = 0, mass = 0] of bodies) {
        const away = [ox - x, oy - y, oz - z];
        const far = Math.hypot(...away, softening);
        for (const [axis, part] of away.entries()) pull[axis] = (pull[axis] ?? 0) + (mass * part) / far ** 3;
      }
      return pull;
    });
  const input = { steps, time_step: time, softening, data: floatsToBase64(Float32Array.from(bodies.flat())) };
  // Velocity Verlet, which leapfrog is by another name.
  let before = pulls();
  for (let step = 0; step < steps; step += 1) {
    for (const [index, body] of bodies.entries()) {
      for (let axis = 0; axis < 3; axis += 1) {
        const pull = before[index]?.[axis] ?? 0;
        body[axis] = (body[axis] ?? 0) + (body[axis + 4] ?? 0) * time + (pull * time * time) / 2;
      }
    }
    const after = pulls();
    for (const [index, body] of bodies.entries()) {
      for (let axis = 0; axis < 3; axis += 1) {
        const pull = ((before[index]?.[axis] ?? 0) + (after[index]?.[axis] ?? 0)) / 2;
        body[axis + 4] = (body[axis + 4] ?? 0) + pull * time;
      }
    }
    before = after;
  }
  return {
    name: 'bodies under their gravitation',
    service: 'science/n-body',
    input,
    check: (output) => {
      assert.ok(Math.abs(Number(output.time) - steps * time) < 1e-12);
      assert.ok(worst(floatsOf(output), bodies.flat()) < 1e-5);
    },
  };
}

type FourierSizes = { length: number; transforms: number; inverse: boolean };

/** Against the definition, which takes the square of the length. */
function fourierCase({ length, transforms, inverse }: FourierSizes): KernelCase {
  const values = randoms(length * transforms * 2, 4);
  const expected: number[] = [];
  for (let base = 0; base < values.length; base += length * 2) {
    for (let k = 0; k < length; k += 1) {
      let [real, imaginary] = [0, 0];
      for (let n = 0; n < length; n += 1) {
        const angle = ((inverse ? 2 : -2) * Math.PI * ((k * n) % length)) / length;
        const [x, y] = [values[base + n * 2] ?? 0, values[base + n * 2 + 1] ?? 0];
        real += x * Math.cos(angle) - y * Math.sin(angle);
        imaginary += x * Math.sin(angle) + y * Math.cos(angle);
      }
      expected.push(...[real, imaginary].map((part) => (inverse ? part / length : part)));
    }
  }
  return {
    name: `${transforms} ${inverse ? 'inverse ' : ''}transforms of ${length}`,
    service: 'science/fourier-transform',
    input: { length, inverse, data: floatsToBase64(values) },
    check: (output) => {
      assert.equal(output.transforms, transforms);
      assert.ok(worst(floatsOf(output), expected) < 1e-6);
    },
  };
}

/** The error function to 1.5e-7 (Abramowitz and Stegun 7.1.26), hence the normal distribution. */
function normal(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = (poly * Math.exp((-x * x) / 2)) / 2;
  return x > 0 ? 1 - tail : tail;
}

/** Against the formula of Black and Scholes; for the mean of a path, against bounds that hold for any. */
function walkCase(payoff: 'call' | 'put' | 'asian-call'): KernelCase {
  const [start, strike, rate, volatility, years, paths] = [100, 105, 0.03, 0.25, 1.5, 20_000];
  const spread = volatility * Math.sqrt(years);
  const d1 = (Math.log(start / strike) + rate * years) / spread + spread / 2;
  const discounted = strike * Math.exp(-rate * years);
  const call = start * normal(d1) - discounted * normal(d1 - spread);
  const expected = payoff === 'put' ? call - start + discounted : call;
  const steps = payoff === 'asian-call' ? 12 : 6;
  return {
    name: `random walks for a ${payoff}`,
    service: 'science/monte-carlo',
    input: { payoff, start, strike, rate, volatility, years, steps, paths, seed: 11 },
    check: (output) => {
      const [mean, error] = [Number(output.mean), Number(output.standard_error)];
      assert.equal(output.paths, paths);
      assert.ok(error > 0 && error < expected / 20, String(error));
      // Averaging halves the spread, about; of the other two four standard errors are missed once in 16,000 seeds.
      if (payoff === 'asian-call') assert.ok(mean > call * 0.35 && mean < call * 0.7, String(mean));
      else assert.ok(Math.abs(mean - expected) < 4 * error, `${mean} is not ${expected} ± ${error}`);
    },
  };
}

/** Three clouds of points that are far apart. */
function clusterCase(): KernelCase {
  const random = seededRandom(5);
  const clouds = [
    [0, 0],
    [10, 0],
    [0, 10],
  ] as const;
  const points = Array.from({ length: 300 }, (_, at) => {
    const [x, y] = clouds[at % 3] ?? clouds[0];
    return [Math.fround(x + random()), Math.fround(y + random())] as const;
  });
  return {
    name: 'clusters of points',
    service: 'science/k-means',
    input: { dimensions: 2, clusters: 3, seed: 1, data: floatsToBase64(Float32Array.from(points.flat())) },
    check: (output) => {
      const assigned = base64ToBytes(String(output.assignments));
      assert.deepEqual([output.converged, output.sizes], [true, [100, 100, 100]]);
      for (const [index, cluster] of assigned.entries()) assert.equal(cluster, assigned[index % 3]);
      const centres = output.centres as number[][];
      for (const [index] of clouds.entries()) {
        const own = points.filter((_, at) => at % 3 === index);
        const mean = [0, 1].map((axis) => own.reduce((sum, point) => sum + (point[axis] ?? 0), 0) / own.length);
        assert.ok(worst(centres[assigned[index] ?? 0] ?? [], mean) < 1e-6);
      }
    },
  };
}
