/** Entry of a utility process that holds one model on the processor; the host is `model-processes.ts`. */
import process from 'node:process';
import { openKernels } from '../../shared/runtimes/kernels/open-kernels.ts';
import { serveInference } from '../../shared/runtimes/serve-inference.ts';
import type { ToWorker } from '../../shared/runtimes/worker-protocol.ts';
import { filesInFolder } from '../headless/inference/folder-files.ts';

const { parentPort } = process;
const handle = serveInference({
  post: (message) => parentPort.postMessage(message),
  openFiles: filesInFolder,
  openKernels,
  close: () => process.exit(0),
});
parentPort.on('message', ({ data }) => handle(data as ToWorker));
