import { Problem } from '../../shared/problems/problem.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import type { Execution } from '../../shared/protocol/messages.ts';
import { kernelsOn } from '../../shared/runtimes/kernels/served-kernels.ts';
import type { Runtime, RuntimeJob } from '../../shared/runtimes/runtime.ts';
import type { LoadRequest } from '../../shared/runtimes/worker-protocol.ts';
import type { ComputeDevice } from './compute-device.ts';
import { createModelWorker, type ModelWorker } from './model-worker.ts';

export type WebRuntimeOptions = {
  compute: ComputeDevice;
  /** How long a cancelled job may keep its worker busy before the worker is ended; some seconds when absent. */
  cancelGraceMs?: number;
  /** `detail` is an inner error; it never holds a prompt or an answer. */
  onFault(message: string, detail: string): void;
};

export type WebRuntime = Runtime & {
  /** Serves a model from now on, and loads it unless models are to stay out of memory; in the place of one of its name. */
  addModel(model: HeldModel): void;
  /** Its jobs end with `node_fault`. */
  removeModel(id: string): void;
  /** Takes all models out of memory, at once; the next job loads its own again. */
  release(): void;
  /** Brings them back before a job asks for them. */
  warmUp(): void;
};

/** A model whose files are here, and what its worker is asked. */
export type HeldModel = { served: Omit<ServedModel, 'state'>; execution: Execution; load: LoadRequest };
type Served = HeldModel & { state: ServedModel['state']; worker: ModelWorker };

/** Inference with transformers.js in a browser, one web worker per model and one for the kernels; used by a page or by another worker. */
export function createWebRuntime(options: WebRuntimeOptions): WebRuntime {
  const { compute, cancelGraceMs, onFault } = options;
  const listeners: (() => void)[] = [];
  const loads = new Map<string, number>();
  const loadListeners: ((model: string, loadMs: number) => void)[] = [];
  const served = new Map<string, Served>();
  let isReleased = false;

  function serve(held: HeldModel): Served {
    const model = held.served.name;
    const request = { ...held.load, allowSoftware: compute.isSimulated };
    const onWarm = (loadMs: number): void => {
      noteLoad(model, loadMs);
      setState(entry, 'warm');
    };
    const onGone = (): void => setState(entry, 'installed');
    const entry: Served = {
      ...held,
      state: 'installed',
      worker: createModelWorker({ model, request, cancelGraceMs, onFault, onWarm, onGone }),
    };
    served.set(model, entry);
    return entry;
  }

  function noteLoad(model: string, loadMs: number): void {
    loads.set(model, loadMs);
    for (const listener of loadListeners) listener(model, loadMs);
  }

  function setState(entry: Served, state: ServedModel['state']): void {
    if (entry.state === state) return;
    entry.state = state;
    tellChange();
  }

  function tellChange(): void {
    for (const listener of listeners) listener();
  }

  serve(kernelsOn(compute.device === 'webgpu' ? 'webgpu' : 'cpu'));

  function load({ worker, served: model }: Served): void {
    // The first job meets the same problem and tells its caller; here the owner hears of it early.
    worker.warmUp().catch((error: unknown) => onFault(`'${model.name}' could not be loaded.`, String(error)));
  }

  /** Kernels are seldom asked for, and start at once. */
  const ofFiles = (): Served[] => [...served.values()].filter(({ load: { holds } }) => holds !== 'kernels');
  const kernels = (): Served[] => [...served.values()].filter(({ load: { holds } }) => holds === 'kernels');

  function find(job: RuntimeJob): Served {
    const entry = served.get(job.model);
    if (entry !== undefined) return entry;
    throw new Problem('model_not_found', `This node does not serve the model '${job.model}'.`, { param: 'model' });
  }

  return {
    models: () => [...ofFiles(), ...kernels()].map(({ served: model, state }) => ({ ...model, state })),
    addModel(held) {
      served.get(held.served.name)?.worker.close();
      const entry = serve(held);
      if (!isReleased) load(entry);
      tellChange();
    },
    removeModel(id) {
      served.get(id)?.worker.close();
      if (served.delete(id)) tellChange();
    },
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
      isReleased = true;
      for (const { worker } of served.values()) worker.release();
    },
    warmUp: () => {
      isReleased = false;
      for (const entry of ofFiles()) load(entry);
    },
    close: async () => {
      for (const { worker } of served.values()) worker.close();
    },
  };
}
