import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonInput } from '../../../../shared/protocol/messages.ts';
import { type KernelService, MOST_VALUES } from '../../../../shared/runtimes/kernels/kernel-inputs.ts';
import { openKernels } from '../../../../shared/runtimes/kernels/open-kernels.ts';
import { philox } from '../../../../shared/runtimes/kernels/philox.ts';
import { floatsOf, kernelCases } from '../../../support/models/kernel-cases.ts';
import { collectOutput } from '../../../support/runtimes/runtime-fixtures.ts';

const kernels = await openKernels({ device: 'cpu' });

async function run(service: string, input: JsonInput, interrupted = () => false): Promise<JsonInput> {
  const job = { type: 'compute' as const, model: 'kernels/cpu', service, input };
  const { output } = await kernels.run(job, collectOutput(), interrupted);
  return output ?? {};
}

describe('the kernels on a processor', () => {
  for (const { name, service, input, check } of kernelCases()) {
    test(`compute ${name} as float64 does`, async () => check(await run(service, input)));
  }

  test('go back from a transform of any power of two to the numbers it was made of', async () => {
    for (let length = 2; length <= 2 ** 18; length *= 4) {
      const values = Float32Array.from({ length: length * 2 }, (_, at) => Math.sin(at * at));
      const data = Buffer.from(values.buffer).toString('base64');
      const there = await run('science/fourier-transform', { length, data });
      const back = floatsOf(await run('science/fourier-transform', { length, inverse: true, data: there.data }));
      assert.ok(values.every((value, at) => Math.abs(value - (back[at] ?? 9)) < 1e-6, String(length)));
    }
  });

  test('solve systems of equations, exchanging rows where they must', async () => {
    const answer = await run('science/solve-linear-system', { a: [[0, 2], [4, 1]], b: [6, 11] }); // biome-ignore format: a matrix
    assert.deepEqual(answer, { x: [2, 3], residual: 0 });
    const size = 60;
    const a = Array.from({ length: size }, (_, i) =>
      Array.from({ length: size }, (_row, j) => Math.sin(i * j + i + j)),
    );
    const { x, residual } = await run('science/solve-linear-system', { a, b: a.map((_, i) => i) });
    assert.equal((x as number[]).length, size);
    assert.ok(Number(residual) < 1e-9);
    const refused = { a: [[1, 2], [2, 4]], b: [1, 2] }; // biome-ignore format: a matrix
    await assert.rejects(run('science/solve-linear-system', refused), /singular/);
    await assert.rejects(run('science/solve-linear-system', { a: [[1, 2]], b: [1] }), /square/);
  });

  test('give the same number for the same seed, another for another', async () => {
    const asked = { start: 1, strike: 1, volatility: 0.3, years: 1, paths: 500 };
    const [first, again, other] = [await walk({ seed: 1 }), await walk({ seed: 1 }), await walk({ seed: 2 })];
    function walk(more: JsonInput) {
      return run('science/monte-carlo', { ...asked, ...more });
    }
    assert.deepEqual(first, again);
    assert.notDeepEqual(first, other);
  });

  test('tell how far points are from their centres in all', async () => {
    const { inertia, sizes, converged } = await run('science/k-means', {
      dimensions: 1,
      clusters: 2,
      values: [0, 2, 10, 14],
    });
    assert.deepEqual([inertia, sizes, converged], [1 + 1 + 4 + 4, [2, 2], true]);
  });

  test('answer in the form in which they were asked', async () => {
    const asked = { rows: 1, inner: 2, columns: 1 };
    assert.deepEqual(await run('science/matrix-product', { ...asked, values: [1, 2, 3, 4] }), {
      rows: 1,
      columns: 1,
      values: [11],
    });
    const data = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer).toString('base64');
    assert.deepEqual(floatsOf(await run('science/matrix-product', { ...asked, data })), Float32Array.of(11));
  });

  test('tell of what float32 cannot hold, which JSON would make null of', async () => {
    const asked = { rows: 1, inner: 1, columns: 1 };
    const refused = run('science/matrix-product', { ...asked, values: [1e30, 1e30] });
    await assert.rejects(refused, { code: 'invalid_value', param: 'values', message: /float32 cannot hold/ });
    const data = Buffer.from(Float32Array.of(1e30, 1e30).buffer).toString('base64');
    assert.deepEqual(floatsOf(await run('science/matrix-product', { ...asked, data })), Float32Array.of(Infinity));
  });

  test('stop when they are told to, and let others have a word before', async () => {
    let stop = false;
    setTimeout(() => {
      stop = true;
    }, 1);
    const endless = { start: 1, strike: 1, volatility: 0.3, years: 1, paths: 2 ** 30 };
    assert.deepEqual(await run('science/monte-carlo', endless, () => stop), {});
  });
});

describe('a job that is no job for the kernels', () => {
  const refused: [string, KernelService, JsonInput, RegExp][] = [
    ['too few numbers', 'science/matrix-product', { rows: 2, inner: 2, columns: 2, values: [1] }, /8 numbers; 1 came/],
    ['no numbers', 'science/matrix-product', { rows: 2, inner: 2, columns: 2 }, /Send values, data or file_id/],
    ['too large a product', 'science/matrix-product', { rows: 65_536, inner: 1, columns: 65_536 }, /may have/],
    ['too much work', 'science/n-body', { steps: 1_000_000, time_step: 1, data: zeros(70_000) }, /steps of work/],
    ['half a body', 'science/n-body', { steps: 1, time_step: 1, values: [1, 2, 3] }, /seven numbers/],
    ['an odd length', 'science/fourier-transform', { length: 3, values: [1, 2, 3] }, /length/],
    ['half a transform', 'science/fourier-transform', { length: 4, values: [1, 2] }, /8 numbers/],
    ['a number that float32 has not', 'science/n-body', { steps: 1, time_step: 1, values: [1e300] }, /finite/],
    ['what is no base64', 'science/n-body', { steps: 1, time_step: 1, data: '!!!!' }, /base64/],
    ['more clusters than points', 'science/k-means', { dimensions: 1, clusters: 3, values: [1, 2] }, /fewer points/],
    ['half a point', 'science/k-means', { dimensions: 2, clusters: 1, values: [1, 2, 3] }, /A point is 2 numbers/],
    ['too few right sides', 'science/solve-linear-system', { a: [[1, 0], [0, 1]], b: [1] }, /b must have as many/], // biome-ignore format: a matrix
    [
      'an x beyond all numbers',
      'science/solve-linear-system',
      { a: [[1e-300]], b: [1e300] },
      /too large or the matrix/,
    ],
    ['a member that is not known', 'science/k-means', { dimensions: 1, clusters: 1, values: [1], code: 'x' }, /code/],
    [
      'too many numbers',
      'science/k-means',
      { dimensions: 1, clusters: 1, data: zeros(MOST_VALUES + 3) },
      /character|numbers/,
    ],
  ];
  for (const [name, service, input, sentence] of refused) {
    test(`is refused: ${name}`, async () => {
      await assert.rejects(run(service, input), { code: 'invalid_value', message: sentence });
    });
  }

  test('is refused: a service that nobody knows, and none at all', async () => {
    for (const service of ['science/unknown', 'toString', '__proto__']) {
      await assert.rejects(run(service, {}), { code: 'service_not_runnable' });
    }
  });

  function zeros(count: number): string {
    return Buffer.alloc(count * 4).toString('base64');
  }
});

/** The known answers that come with the authors' own implementation (Random123, kat_vectors), for counters 0 and these. */
test('Philox makes the numbers that its authors publish', () => {
  const words = new Uint32Array(4);
  philox(words, 0, 0, 0, 0);
  assert.deepEqual([...words], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
});
