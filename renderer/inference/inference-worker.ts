/** Entry of a web worker that holds one model; the host is `model-thread.ts`. */
import { serveInference } from '../../shared/runtimes/serve-inference.ts';
import { setUpWebAssembly } from '../../shared/runtimes/transformers/library.ts';
import type { FromWorker, ToWorker } from '../../shared/runtimes/worker-protocol.ts';
import { filesInCache } from './model-cache.ts';
import { onnxruntimeFiles } from './onnxruntime-files.ts';

/** The part of a worker's own scope that is used here; the DOM's types know only pages. */
type WorkerScope = {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
  close(): void;
};
const scope = globalThis as unknown as WorkerScope;

const handle = serveInference({
  post: (message, transfer) => scope.postMessage(message, transfer ?? []),
  openFiles: filesInCache,
  close: () => scope.close(),
});
scope.addEventListener('message', ({ data }) => {
  if (data.type === 'load') setUpWebAssembly(onnxruntimeFiles(), data.threads);
  handle(data);
});
