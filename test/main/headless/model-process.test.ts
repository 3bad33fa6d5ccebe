import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startModelThread } from '../../../main/headless/inference/model-thread.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/runtime-fixtures.ts';
import { until } from '../../support/until.ts';

const SLOW_WORKER = new URL('../../support/slow-loading-worker.ts', import.meta.url);

test('a thread that is ended while it loads goes on until it has, and nobody waits for it that long', async (t) => {
  const folder = await temporaryFolder(t);
  const options = { model: 'test/slow', onFault: () => undefined, cancelGraceMs: 50, workerUrl: SLOW_WORKER };
  let ends = 0;
  const thread = startModelThread(
    options,
    { location: folder, dtype: 'fp32', device: 'cpu', threads: 1 },
    { onWarm: () => assert.fail('it was ended before'), onEnd: () => ends++ },
  );
  const lost = assert.rejects(thread.loaded, isProblem('node_fault', /enough/));
  await thread.end(new Problem('node_fault', 'That is enough.'));
  await lost;
  assert.equal(existsSync(join(folder, 'loaded')), false, 'nobody waits');
  await until(() => existsSync(join(folder, 'loaded')), 10_000);
  assert.equal(ends, 1);
});
