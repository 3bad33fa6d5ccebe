/** A thread that loads for longer than anybody waits, as a real one does with a large model, and then says so in a file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { FromWorker, ToWorker } from '../../shared/runtimes/worker-protocol.ts';

const LOAD_MS = 1_500;

parentPort?.on('message', (message: ToWorker) => {
  if (message.type !== 'load') return;
  // In the kernel, where a native call cannot be interrupted either; a thread that is terminated does not come back.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOAD_MS);
  writeFileSync(join(message.location, 'loaded'), '');
  parentPort?.postMessage({ type: 'loaded' } satisfies FromWorker);
});
