import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { afterTest } from '../support/after-test.ts';
import { fuzz } from '../support/fuzz/fuzz.ts';
import { startFuzzWorld } from '../support/fuzz/fuzz-world.ts';

/** The same in every run; `npm run bench -- fuzz` sends 100,000, and takes a seed. */
const OPTIONS = { requests: 2_000, seed: 16 };
const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'there is no python3 on this machine';

test('no request, however wrong, gets an answer that is not documented, no answer, or the relay down', {
  skip,
}, async (t) => {
  const world = await startFuzzWorld();
  afterTest(t, () => world.stop());
  const { answers, defects } = await fuzz(world, OPTIONS);
  t.diagnostic(`seed ${OPTIONS.seed}: ${JSON.stringify(answers)}`);
  assert.deepEqual(defects, []);
  assert.ok(!world.hasEnded());
  assert.deepEqual(
    world.faults().filter((line) => line.includes('"code":"internal"') || line.includes('"level":60')),
    [],
  );
  // Requests that all fail at the door would find nothing behind it.
  for (const status of ['200', '201', '202', '400', '404', '409']) assert.ok((answers[status] ?? 0) > 0, status);
});
