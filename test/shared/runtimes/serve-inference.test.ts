import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../../../shared/problems/problem.ts';
import { serveInference } from '../../../shared/runtimes/serve-inference.ts';
import type { LoadedModel } from '../../../shared/runtimes/transformers/engine.ts';
import type { FromWorker } from '../../../shared/runtimes/worker-protocol.ts';
import { chatJob } from '../../support/runtimes/runtime-fixtures.ts';
import { until } from '../../support/until.ts';

/** What a host is told of a job that fails like this. */
async function toldOf(error: Error): Promise<FromWorker | undefined> {
  const told: FromWorker[] = [];
  const model = { run: () => Promise.reject(error) } as unknown as LoadedModel;
  const handle = serveInference({
    post: (message) => void told.push(message),
    openFiles: () => ({ open: async () => null }),
    openKernels: async () => model,
    close: () => undefined,
  });
  handle({ type: 'load', holds: 'kernels', location: '', dtype: 'fp32', device: 'cpu', threads: 1 });
  handle({ type: 'run', id: 7, job: chatJob('test/model', 'hi'), interrupt: null });
  await until(() => told.some(({ type }) => type === 'problem'));
  return told.find(({ type }) => type === 'problem');
}

test('what a client sent is no fault of the worker, which would end with the jobs of others', async () => {
  const cause = new Error('bad bytes: of somebody’s picture');
  const refusal = await toldOf(new Problem('invalid_image', 'The picture is broken. Send a whole one.', { cause }));
  assert.ok(refusal?.type === 'problem');
  assert.deepEqual([refusal.id, refusal.problem.code, refusal.fault], [7, 'invalid_image', null]);
});

test('what fails in the worker itself is told with where it failed', async () => {
  for (const error of [
    new Error('Non-zero status code'),
    new Problem('node_fault', 'x', { cause: new Error('Non') }),
  ]) {
    const fault = await toldOf(error);
    assert.ok(fault?.type === 'problem');
    assert.equal(fault.problem.code, 'node_fault');
    assert.match(fault.fault ?? '', /^Error: Non.*\n\s+at /);
  }
});
