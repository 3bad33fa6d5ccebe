/**
 * The worker's side of the protocol, the same in a process of Node or Electron and in a browser worker.
 *
 * 1. The model is loaded once; jobs that arrive earlier wait for it.
 * 2. Jobs run side by side and share nothing but the model; a job that fails takes no other with it.
 * 3. `cancels` holds exactly the jobs that are running.
 * 4. Whoever cancels a job or wants the memory back waits for a pass at most, and never for a rest.
 */
import { Problem, toProblem, toProblemRecord } from '../problems/problem.ts';
import { deviceProblem } from './devices/device-problem.ts';
import { assertRealAdapter } from './devices/request-device.ts';
import { createDuty } from './duty.ts';
import type { KernelOptions } from './kernels/open-kernels.ts';
import { memoryProblem } from './memory-problem.ts';
import type { PieceDetail, ToolCallPiece } from './runtime.ts';
import type { ThreadTrial } from './thread-trial.ts';
import { type LoadedModel, loadModel } from './transformers/engine.ts';
import type { ModelFiles } from './transformers/model-files.ts';
import { type FromWorker, isInterrupted, type LoadRequest, type ToWorker } from './worker-protocol.ts';

/** What a worker needs of its host. */
export type WorkerHost = {
  post(message: FromWorker, transfer?: ArrayBuffer[]): void;
  /** The files at a location the host named in its load request. */
  openFiles(location: string): ModelFiles;
  /** The kernels, which a host whose models start often reads only when they are wanted. */
  openKernels(options: KernelOptions): Promise<LoadedModel>;
  /** What passes are measured by, in milliseconds; the machine's clock when absent. */
  now?: () => number;
  /** Called after an unload, when nothing is left to do. */
  close(): void;
};

/** Returns the handler for every message that the host sends. */
export function serveInference(host: WorkerHost): (message: ToWorker) => void {
  const cancels = new Map<number, () => void>();
  const duty = createDuty(host.now === undefined ? {} : { clock: host.now });
  let loading: Promise<LoadedModel> | null = null;

  async function load(request: LoadRequest): Promise<LoadedModel> {
    const { location, holds, allowSoftware = false, ...options } = request;
    const { device } = options;
    if (holds === 'kernels')
      return await host.openKernels({ device: device === 'webgpu' ? device : 'cpu', allowSoftware, pace: duty });
    // In Node it is ONNX Runtime's own, which the page's interface knows nothing of.
    if (device === 'webgpu' && 'gpu' in navigator) await assertRealAdapter(allowSoftware);
    const onThreadTrial = (trial: ThreadTrial): void => host.post({ type: 'threads', ...trial });
    return await loadModel(host.openFiles(location), { ...options, pace: duty, onThreadTrial });
  }

  function startLoading(request: LoadRequest): void {
    loading = load(request);
    loading.then(
      () => host.post({ type: 'loaded' }),
      (error: unknown) => host.post(problemMessage(null, toProblem(error, 'model_load_failed'))),
    );
  }

  async function run(message: Extract<ToWorker, { type: 'run' }>): Promise<void> {
    const { id, job, interrupt } = message;
    let cancelled = false;
    let calm: (() => void) | undefined;
    cancels.set(id, () => {
      cancelled = true;
      calm ??= duty.hurry();
    });
    const interrupted = () => cancelled || (interrupt !== null && isInterrupted(interrupt));
    try {
      const model = await expectModel(loading);
      const result = await model.run(job, outputOf(host, id), interrupted);
      host.post(interrupted() ? { type: 'cancelled', id, usage: result.usage } : { type: 'done', id, ...result });
    } catch (error) {
      host.post(problemMessage(id, memoryProblem(error) ?? deviceProblem(error) ?? toProblem(error, 'node_fault')));
    } finally {
      cancels.delete(id);
      calm?.();
    }
  }

  return (message) => {
    if (message.type === 'load') startLoading(message);
    else if (message.type === 'run') void run(message);
    else if (message.type === 'duty') duty.limit(message.percent);
    else if (message.type === 'cancel') cancels.get(message.id)?.();
    else {
      duty.hurry();
      void unload(loading, host);
    }
  };
}

async function expectModel(loading: Promise<LoadedModel> | null): Promise<LoadedModel> {
  if (loading === null) throw new Problem('model_load_failed', 'The worker was given a job before a model.');
  return await loading;
}

async function unload(loading: Promise<LoadedModel> | null, host: WorkerHost): Promise<void> {
  try {
    await (await loading)?.dispose();
  } finally {
    host.close();
  }
}

function outputOf(host: WorkerHost, id: number) {
  return {
    text: (text: string, tokens: number, more?: PieceDetail) => host.post({ type: 'text', id, text, tokens, more }),
    toolCall: (piece: ToolCallPiece) => host.post({ type: 'tool_call', id, piece }),
    vectors(start: number, count: number, dimensions: number, values: Float32Array) {
      const transfer = values.buffer instanceof ArrayBuffer ? [values.buffer] : [];
      host.post({ type: 'vectors', id, start, count, dimensions, values }, transfer);
    },
  };
}

/** What a client has sent is no fault of ours, whatever a library said of it: it ends no worker and is written in no log. */
const FAULTS_FROM_STATUS = 500;

function problemMessage(id: number | null, problem: Problem): FromWorker {
  const { cause, status } = problem;
  const isFault = status >= FAULTS_FROM_STATUS && cause instanceof Error;
  const fault = isFault ? (cause.stack ?? cause.message) : null;
  return { type: 'problem', id, problem: toProblemRecord(problem), fault };
}
