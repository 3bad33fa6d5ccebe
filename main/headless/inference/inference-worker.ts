/** Entry of a worker thread that holds one model; the host is `model-thread.ts`. */
import { parentPort } from 'node:worker_threads';
import { serveInference } from '../../../shared/runtimes/serve-inference.ts';
import type { ToWorker } from '../../../shared/runtimes/worker-protocol.ts';
import { saveCompiledCodeSoon } from '../compiled-code.ts';
import { filesInFolder } from './folder-files.ts';

const port = parentPort;
if (port === null) throw new Error('inference-worker.ts runs only as a worker thread.');

const handle = serveInference({
  post: (message, transfer) => port.postMessage(message, transfer ?? []),
  openFiles: filesInFolder,
  close: () => port.close(),
});
port.on('message', (message: ToWorker) => handle(message));
saveCompiledCodeSoon();
