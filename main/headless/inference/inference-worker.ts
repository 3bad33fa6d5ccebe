/** Entry of a worker thread that holds one model; the host is `model-worker.ts`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { serveInference } from '../../../shared/runtimes/serve-inference.ts';
import type { ModelFiles } from '../../../shared/runtimes/transformers/model-files.ts';
import type { ToWorker } from '../../../shared/runtimes/worker-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('inference-worker.ts runs only as a worker thread.');

const handle = serveInference({
  post: (message, transfer) => port.postMessage(message, transfer ?? []),
  openFiles: filesInFolder,
  close: () => port.close(),
});
port.on('message', (message: ToWorker) => handle(message));

/** Weights are opened by onnxruntime from their path, so that they are never held twice; the rest is small. */
function filesInFolder(folder: string): ModelFiles {
  return {
    async open(name) {
      const path = join(folder, name);
      if (/\.onnx(_data(_\d+)?)?$/.test(name)) return { path };
      try {
        return { bytes: await readFile(path) };
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    },
  };
}
