import { Problem } from '../../shared/problems/problem.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import type { Execution } from '../../shared/protocol/messages.ts';
import { kernelsOn } from '../../shared/runtimes/kernels/served-kernels.ts';
import type { Runtime, RuntimeJob } from '../../shared/runtimes/runtime.ts';
import type { LoadRequest } from '../../shared/runtimes/worker-protocol.ts';
import type { ComputeDevice } from './compute-device.ts';
import { type InstalledWebModel, installModel } from './model-cache.ts';
import { deviceOf, type ModelDevice } from './model-device.ts';
import { createModelWorker, type ModelWorker } from './model-worker.ts';

export type DownloadProgress = { model: string; loadedBytes: number; totalBytes: number };

export type WebRuntimeOptions = {
  models: readonly string[];
  /** Address of the folder that holds all models, with a slash at its end. */
  modelsUrl: string;
  compute: ComputeDevice;
  onProgress?(progress: DownloadProgress): void;
  /** `detail` is an inner error; it never holds a prompt or an answer. */
  onFault(message: string, detail: string): void;
  signal?: AbortSignal;
};

export type WebRuntime = Runtime & {
  /** Takes all models out of memory, at once; the next job loads its own again. */
  release(): void;
  /** Brings them back before a job asks for them. */
  warmUp(): void;
};

const RUNTIME_NAME = 'transformers.js';
/** One step of a small model takes less time than waking a second thread. */
const ONE_THREAD_BELOW_BYTES = 32 * 1024 * 1024;

type Held = { served: Omit<ServedModel, 'state'>; execution: Execution; load: LoadRequest };
type Served = Held & { state: ServedModel['state']; worker: ModelWorker };

/**
 * Inference with transformers.js in a browser, one web worker per model and one for the kernels; used by a page or by another worker.
 *
 * Resolves when the files of all models are in this browser and whole. Rejects with the problem of the first that cannot
 * be had: `model_not_found`, `model_download_failed`, `model_files_corrupt`, `model_load_failed`.
 */
export async function createWebRuntime(options: WebRuntimeOptions): Promise<WebRuntime> {
  const { compute, onFault } = options;
  const listeners: (() => void)[] = [];
  const loads = new Map<string, number>();
  const loadListeners: ((model: string, loadMs: number) => void)[] = [];
  const served = new Map<string, Served>();

  function serve(held: Held): void {
    const model = held.served.name;
    const request = { ...held.load, allowSoftware: compute.isSimulated };
    let beganAt = performance.now();
    const onState = (state: ServedModel['state']): void => {
      if (state === 'warm') noteLoad(model, performance.now() - beganAt);
      else beganAt = performance.now();
      setState(entry, state);
    };
    const entry: Served = {
      ...held,
      state: 'installed',
      worker: createModelWorker({ model, request, onFault, onState }),
    };
    served.set(model, entry);
  }

  function noteLoad(model: string, loadMs: number): void {
    loads.set(model, loadMs);
    for (const listener of loadListeners) listener(model, loadMs);
  }

  function setState(entry: Served, state: ServedModel['state']): void {
    if (entry.state === state) return;
    entry.state = state;
    for (const listener of listeners) listener();
  }

  for (const id of options.models) {
    const installed = await installModel({
      id,
      modelsUrl: options.modelsUrl,
      onProgress: (loadedBytes, totalBytes) => options.onProgress?.({ model: id, loadedBytes, totalBytes }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const on = await deviceOf(installed, compute, (device) => ({
      ...loadOf(installed, device, compute),
      allowSoftware: compute.isSimulated,
    }));
    options.signal?.throwIfAborted();
    serve(heldOf(installed, on, loadOf(installed, on.device, compute)));
  }
  serve(kernelsOn(compute.device === 'webgpu' ? 'webgpu' : 'cpu'));
  function warmUp(): void {
    for (const { worker, served: model, load } of served.values()) {
      // They are seldom asked for, and start at once.
      if (load.holds === 'kernels') continue;
      // The first job meets the same problem and tells its caller; here the owner hears of it early.
      worker.warmUp().catch((error: unknown) => onFault(`'${model.name}' could not be loaded.`, String(error)));
    }
  }
  warmUp();

  function find(job: RuntimeJob): Served {
    const entry = served.get(job.model);
    if (entry !== undefined) return entry;
    throw new Problem('model_not_found', `This node does not serve the model '${job.model}'.`, { param: 'model' });
  }

  return {
    models: () => [...served.values()].map(({ served: model, state }) => ({ ...model, state })),
    onChange: (listener) => void listeners.push(listener),
    onLoad: (listener) => {
      loadListeners.push(listener);
      for (const [model, loadMs] of loads) listener(model, loadMs);
    },
    async run(job, output, signal) {
      const { worker, execution } = find(job);
      return { ...(await worker.run(job, output, signal)), execution };
    },
    release: () => {
      for (const { worker } of served.values()) worker.release();
    },
    warmUp,
    close: async () => {
      for (const { worker } of served.values()) worker.close();
    },
  };
}

function loadOf(
  { location, dtype, sizeBytes }: InstalledWebModel,
  device: string,
  { threads }: ComputeDevice,
): LoadRequest {
  return { location, dtype, device, threads: sizeBytes < ONE_THREAD_BELOW_BYTES ? 1 : threads };
}

function heldOf(installed: InstalledWebModel, { device, trials }: ModelDevice, load: LoadRequest): Held {
  const { id, type, revision, dtype, sizeBytes, contextLength, dimensions, tasks, weightsDigest } = installed;
  return {
    served: {
      name: id,
      type,
      revision,
      dtype,
      device,
      size_bytes: sizeBytes,
      context_length: contextLength,
      ...(type === 'llm' ? { constrained: true } : {}),
      ...(tasks.length === 0 ? {} : { tasks: [...tasks] }),
      ...(dimensions === null ? {} : { dimensions }),
      ...(trials.length === 0 ? {} : { trials: [...trials] }),
    },
    execution: { runtime: RUNTIME_NAME, device, dtype, revision, digest: weightsDigest },
    load,
  };
}
