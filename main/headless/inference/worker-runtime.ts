import { availableParallelism } from 'node:os';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import type { Runtime, RuntimeJob, RuntimeModel } from '../../../shared/runtimes/runtime.ts';
import { executionOf, servedModelOf } from '../../../shared/runtimes/transformers/served-model.ts';
import type { InstalledModel } from '../models/installed-model.ts';
import { createModelStore, type ModelRequest, type ModelStoreOptions } from '../models/model-store.ts';
import type { DeviceChooser } from './choose-model-device.ts';
import type { DutyShare } from './duty-share.ts';
import { createModelWorker } from './model-worker.ts';
import { createPlaceKeeper } from './place-keeper.ts';
import { placeModel, type ServedPlace, suiting, takenBy } from './place-model.ts';

export type RuntimeLog = {
  info(message: string): void;
  /** `detail` is an inner error for the machine's owner; it never holds a prompt or an answer. */
  fault(message: string, detail: string): void;
};

/** `cacheFolder` is where downloaded models are kept, `modelFolder` where those are that ship with the product. */
export type WorkerRuntimeOptions = ModelStoreOptions & {
  /** The models to serve; those that are not on this machine yet are downloaded. */
  models: readonly ModelRequest[];
  log: RuntimeLog;
  /** Threads per model; by default chosen by the model's size. */
  threads?: number;
  /** Loads every model at once instead of with its first job. Default true. */
  preload?: boolean;
  cancelGraceMs?: number;
  signal?: AbortSignal;
  /** A model that nobody has asked for so long gives its memory back; never when absent or undefined. */
  idleMs?: () => number | undefined;
  /** How much of the time models may compute; all of it when absent. */
  duty?: DutyShare;
  clock?: RuntimeClock;
  /** Where each model runs; the processor when absent. */
  chooseDevice?: DeviceChooser;
  /** The entry of the models' processes. For tests. */
  entry?: URL;
};

/** `every` calls again and again until what it returns is called. */
export type RuntimeClock = { now(): number; every(ms: number, step: () => void): () => void };

const REAL_CLOCK: RuntimeClock = {
  now: () => performance.now(),
  every: (ms, step) => {
    const timer = setInterval(step, ms).unref();
    return () => clearInterval(timer);
  },
};
/** Memory is given back at most so much later than it could be. */
const LOOK_FOR_IDLE_MS = 30_000;
/** Names the runtime on receipts. */
/** One step of a small model takes less time than waking a second thread: 24 M weights in q8 ran faster on one. */
const ONE_THREAD_BELOW_BYTES = 32 * 1024 * 1024;
/** Steps of models that one thread is enough for have no work for more. */
const MOST_SHARED_THREADS = 4;
/** Passes of smaller ones end within a millisecond, whatever they compute. */
const SHARED_FROM_BYTES = 8 * 1024 * 1024;
/** A token takes well under a second and a long prompt a few; beyond this the process hangs. */
const CANCEL_GRACE_MS = 5_000;

type Served = ServedPlace & Pick<RuntimeModel, 'state' | 'threadTrial'>;

export type WorkerRuntime = Runtime & {
  /**
   * Chooses devices anew, after the owner has changed what they allow: what may not stay leaves at once, and its jobs are
   * handed back; then each model goes where it does best now.
   */
  placeAgain(): Promise<void>;
  /** Takes the models out of memory that no job needs; the next job loads its model again. */
  freeMemory(): Promise<void>;
};

/**
 * Inference with transformers.js on the CPU, or where `chooseDevice` says, one process per model.
 *
 * Resolves when the files of all models are on this machine and whole. Rejects with the problem of the first that
 * cannot be had: `model_not_found`, `model_download_failed`, `model_files_missing`, `model_files_corrupt`.
 */
export async function createWorkerRuntime(options: WorkerRuntimeOptions): Promise<WorkerRuntime> {
  const store = createModelStore(options);
  const clock = options.clock ?? REAL_CLOCK;
  const listeners: (() => void)[] = [];
  const loads = new Map<string, number>();
  const loadListeners: ((model: string, loadMs: number) => void)[] = [];

  function noteLoad(model: string, loadMs: number): void {
    loads.set(model, loadMs);
    for (const listener of loadListeners) listener(model, loadMs);
  }
  const served = new Map<string, Served>();
  /** What was said last of a model's files. */
  const complaints = new Map<string, string>();

  function setState(entry: Served, state: ServedModel['state']): void {
    if (entry.state === state) return;
    entry.state = state;
    // Another process measures anew.
    if (state === 'installed') delete entry.threadTrial;
    // "Out of memory" is what a machine says that has too little.
    options.log.info(`'${entry.installed.id}' ${state === 'warm' ? 'is in memory' : 'has given its memory back'}.`);
    for (const listener of listeners) listener();
  }

  for (const request of options.models) {
    const files = await store.install(suiting(request, options.chooseDevice), options.signal);
    const placed = await placeModel(request, files, takenBy([...served.values()]), { ...options, store });
    let loadBegan = 0;
    const worker = createModelWorker({
      model: files.id,
      prepare: (signal) => {
        loadBegan = performance.now();
        return prepareLoad(entry, options, signal);
      },
      onState: (state) => {
        if (state === 'warm') noteLoad(files.id, performance.now() - loadBegan);
        setState(entry, state);
      },
      onThreadTrial: (trial) => {
        entry.threadTrial = trial;
      },
      onFault: options.log.fault,
      now: clock.now,
      cancelGraceMs: options.cancelGraceMs ?? CANCEL_GRACE_MS,
      ...(options.entry === undefined ? {} : { entry: options.entry }),
      ...(options.duty === undefined ? {} : { duty: options.duty }),
    });
    const entry: Served = { ...placed, request, state: 'installed', worker, placing: Promise.resolve() };
    served.set(files.id, entry);
  }

  /** What is wrong with its files, and where they lie, is for the owner to read; whoever has sent a job learns what they can do. */
  async function verify(installed: InstalledModel, signal: AbortSignal): Promise<void> {
    try {
      await store.verify(installed, signal);
      complaints.delete(installed.id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { id } = installed;
      if (complaints.get(id) !== error.message) options.log.fault(`'${id}' cannot be used.`, error.message);
      complaints.set(id, error.message);
      const detail = `The files of '${id}' on this node are not whole, which its owner can mend. Ask again, or for another model.`;
      throw new Problem(error.code, detail, { cause: error });
    }
  }

  /** Where a model runs is read last: it may have changed while its files were checked. */
  async function prepareLoad(entry: Served, { threads }: WorkerRuntimeOptions, signal: AbortSignal) {
    let placing: Promise<void>;
    do {
      placing = entry.placing;
      await placing;
      await verify(entry.installed, signal);
    } while (placing !== entry.placing);
    const { folder: location, dtype, sizeBytes, task } = entry.installed;
    const load = { location, dtype, device: entry.device.name };
    return {
      ...load,
      ...(threads === undefined ? threadsFor(sizeBytes) : { threads }),
      ...(task === undefined ? {} : { task }),
    };
  }

  function find(job: RuntimeJob): Served {
    const entry = served.get(job.model);
    if (entry !== undefined) return entry;
    throw new Problem('model_not_found', `This node does not serve the model '${job.model}'.`, { param: 'model' });
  }

  let isClosing = false;
  const places = createPlaceKeeper(served, { ...options, store });
  const stopLooking = releaseIdle(served, options.idleMs, clock);
  const preloadAll = (): void => {
    if (options.preload ?? true) preload([...served.values()], options.log, () => isClosing, noteMissing);
  };
  const placeAgain = async (why = 'as its owner wants'): Promise<void> => {
    await places.placeAgain(why);
    for (const listener of listeners) listener();
    preloadAll();
  };

  /** Moves models off a device that is gone, and after a while back to it. Nobody waits for that. */
  function noteMissing(device: string, error: unknown): void {
    const isMissing = error instanceof Problem && error.code === 'device_missing';
    if (isMissing && options.chooseDevice?.noteMissing(device)) placeInTime('since a GPU is gone');
  }
  function placeInTime(why: string): void {
    placeAgain(why).catch((error: unknown) => {
      if (!isClosing) options.log.fault('Models could not be moved to another device.', String(error));
    });
  }
  preloadAll();

  return {
    models: () => [...served.values()].map(describe),
    onChange: (listener) => void listeners.push(listener),
    onLoad: (listener) => {
      loadListeners.push(listener);
      // Preloading has begun before anybody could listen.
      for (const [model, loadMs] of loads) listener(model, loadMs);
    },
    async run(job, output, signal) {
      const entry = find(job);
      if (options.chooseDevice?.mayBeBack()) placeInTime('since a GPU may be back');
      const { name } = entry.device;
      try {
        const result = await entry.worker.run(job, output, signal);
        return { ...result, execution: executionOf(entry.installed, entry.device.name) };
      } catch (error) {
        noteMissing(name, error);
        throw error;
      }
    },
    placeAgain: () => placeAgain(),
    freeMemory: async () => {
      await Promise.all([...served.values()].map(({ worker }) => worker.release()));
    },
    async close() {
      isClosing = true;
      stopLooking();
      await Promise.all([...served.values()].map((entry) => entry.worker.close()));
      await Promise.all([...served.values()].map((entry) => store.release(entry.installed)));
    },
  };
}

/** `threads` for weights of `sizeBytes`: one for tiny models, else one per core. */
export function defaultThreads(sizeBytes: number, cores: number = availableParallelism()): number {
  return sizeBytes < ONE_THREAD_BELOW_BYTES ? 1 : cores;
}

/** The threads of a model with weights of `sizeBytes`, and those that are tried for several answers at once. */
export function threadsFor(sizeBytes: number, cores?: number): { threads: number; sharedThreads: number } {
  const threads = defaultThreads(sizeBytes, cores);
  const most = sizeBytes < SHARED_FROM_BYTES ? 1 : Math.min(cores ?? availableParallelism(), MOST_SHARED_THREADS);
  return { threads, sharedThreads: Math.max(threads, most) };
}

function releaseIdle(
  served: ReadonlyMap<string, Served>,
  idleMsNow: WorkerRuntimeOptions['idleMs'],
  clock: RuntimeClock,
): () => void {
  if (idleMsNow === undefined) return () => undefined;
  return clock.every(LOOK_FOR_IDLE_MS, () => {
    const idleMs = idleMsNow();
    if (idleMs === undefined) return;
    for (const { worker } of served.values()) {
      const since = worker.idleSince();
      if (since !== null && clock.now() - since >= idleMs) void worker.release();
    }
  });
}

function preload(
  entries: readonly Served[],
  log: RuntimeLog,
  isClosing: () => boolean,
  noteMissing: (device: string, error: unknown) => void,
): void {
  for (const { installed, worker, device } of entries) {
    worker.warmUp().catch((error: unknown) => {
      if (isClosing()) return;
      noteMissing(device.name, error);
      // The first job meets the same problem and tells its caller; here the owner hears of it early.
      log.fault(`'${installed.id}' could not be loaded.`, error instanceof Error ? error.message : String(error));
    });
  }
}

function describe({ installed, device, state, threadTrial }: Served): RuntimeModel {
  return {
    ...servedModelOf(installed, device.name),
    state,
    ...(device.trials.length < 2 ? {} : { trials: [...device.trials] }),
    ...(threadTrial === undefined ? {} : { threadTrial }),
  };
}
