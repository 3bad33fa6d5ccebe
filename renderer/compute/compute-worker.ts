/** Entry of the worker that holds one model of the desktop app; the host is `worker-table.ts`. */
import { serveInference } from '../../shared/runtimes/serve-inference.ts';
import { setUpWebAssembly } from '../../shared/runtimes/transformers/library.ts';
import type { FromWorker, ToWorker } from '../../shared/runtimes/worker-protocol.ts';
import { onnxruntimeFiles } from '../inference/onnxruntime-files.ts';
import { filesAt } from './files-at.ts';

/** The part of a worker's own scope that is used here; the DOM's types know only pages. */
type WorkerScope = {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
  close(): void;
};
const scope = globalThis as unknown as WorkerScope;

const handle = serveInference({
  post: (message, transfer) => scope.postMessage(message, transfer ?? []),
  openFiles: filesAt,
  close: () => scope.close(),
});
scope.addEventListener('message', ({ data }) => {
  if (data.type === 'load') setUpWebAssembly(onnxruntimeFiles(), data.threads);
  handle(data);
});
