import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGpu } from '../../../../shared/runtimes/kernels/gpu.ts';
import { isProblem } from '../../../support/problems.ts';

/** A device whose buffers are there when the test says so, and are read at once. */
function openGpu(made: Promise<null>) {
  const lost = Promise.withResolvers<{ reason: string; message: string }>();
  const witnesses: WeakRef<object>[] = [];
  const buffer = {
    destroy: () => undefined,
    mapAsync: async () => {
      const witness = {};
      witnesses.push(new WeakRef(witness));
      return witness;
    },
    getMappedRange: () => new ArrayBuffer(16),
  };
  const device = {
    lost: lost.promise,
    addEventListener: () => undefined,
    pushErrorScope: () => undefined,
    popErrorScope: () => made,
    createBuffer: () => buffer,
    createCommandEncoder: () => ({ copyBufferToBuffer: () => undefined, finish: () => undefined }),
    queue: { submit: () => undefined },
  };
  const gpu = createGpu(device as unknown as Parameters<typeof createGpu>[0], () => 0);
  return { gpu, witnesses, lose: () => lost.resolve({ reason: 'unknown', message: 'asleep' }) };
}

test('a device that is lost ends whatever waits for it, and what asks after', async () => {
  const made = Promise.withResolvers<null>();
  const { gpu, lose } = openGpu(made.promise);
  const isLost = isProblem('device_lost', /went away/);
  const waits = [1, 2].map(() => assert.rejects(gpu.begin(() => false).buffer(16), isLost));
  lose();
  await Promise.all(waits);
  made.resolve(null);
  await assert.rejects(gpu.begin(() => false).buffer(16), isLost);
});

test('what was waited for is let go of while the device lives', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const { gpu, witnesses } = openGpu(Promise.resolve(null));
  const job = gpu.begin(() => false);
  await job.read(await job.buffer(16), 16);
  await setImmediate();
  gc();
  assert.deepEqual(
    witnesses.map((witness) => witness.deref()),
    [undefined],
  );
});
