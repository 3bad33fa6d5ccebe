import { openKernels } from '../../shared/runtimes/kernels/open-kernels.ts';
import { serveInference } from '../../shared/runtimes/serve-inference.ts';
import { setUpWebAssembly } from '../../shared/runtimes/transformers/library/environment.ts';
import type { ModelFiles } from '../../shared/runtimes/transformers/model-files.ts';
import type { FromWorker, ToWorker } from '../../shared/runtimes/worker-protocol.ts';
import { onnxruntimeFiles } from './onnxruntime-files.ts';

/** The part of a worker's own scope that is used here; the DOM's types know only pages. */
type WorkerScope = {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
  close(): void;
};

/** Makes the web worker that this runs in hold one model, whose files are opened as its page has them. */
export function serveWorker(openFiles: (location: string) => ModelFiles): void {
  const scope = globalThis as unknown as WorkerScope;
  const handle = serveInference({
    post: (message, transfer) => scope.postMessage(message, transfer ?? []),
    openFiles,
    openKernels,
    close: () => scope.close(),
  });
  scope.addEventListener('message', ({ data }) => {
    if (data.type === 'load') setUpWebAssembly(onnxruntimeFiles(), data.threads);
    handle(data);
  });
}
