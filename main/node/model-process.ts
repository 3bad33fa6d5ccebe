/** Entry of a utility process that holds one model on the processor; the host is `model-processes.ts`. */
import process from 'node:process';
import { openKernels } from '../../shared/runtimes/kernels/open-kernels.ts';
import { serveInference } from '../../shared/runtimes/serve-inference.ts';
import type { ToWorker } from '../../shared/runtimes/worker-protocol.ts';
import { filesInFolder } from '../headless/inference/folder-files.ts';
import type { PeakWord } from './model-processes.ts';

const { parentPort } = process;
const BYTES_PER_KIB = 1024;
/** What the model has taken at most is told where it may have grown: this process holds nothing else. */
const tellPeak = (): void =>
  parentPort.postMessage({ type: 'peak', bytes: process.resourceUsage().maxRSS * BYTES_PER_KIB } satisfies PeakWord);
const handle = serveInference({
  post: (message) => {
    parentPort.postMessage(message);
    if (message.type === 'done') tellPeak();
  },
  openFiles: filesInFolder,
  openKernels,
  close: () => process.exit(0),
});
parentPort.on('message', ({ data }) => handle(data as ToWorker));
