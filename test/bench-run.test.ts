/** How benchmarks are run. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Figure } from './bench/figure.ts';
import { ROOT } from './support/command.ts';

test('a benchmark prints one line of JSON for each figure, and nothing else', async () => {
  const args = ['test/bench/run.ts', 'fuzz', 'requests=20', 'seed=1'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  const figures = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Figure);
  assert.deepEqual(
    figures.map(({ figure }) => figure),
    ['fuzz-defects', 'fuzz-heap-growth', 'fuzz-descriptors'],
  );
});
