import type { AgentLog } from '../../shared/agent/log.ts';
import type { ModelDownload } from '../../shared/ipc/app-state.ts';
import { Problem, toProblem } from '../../shared/problems/problem.ts';
import { createDownloadMeter, type DownloadMeter } from './download-meter.ts';
import type { PageModel } from './page-model.ts';
import type { InstallModel } from './page-models.ts';
import type { WindowRuntime } from './window-runtime.ts';

export type ModelDeskOptions = {
  install: InstallModel;
  runtime: Pick<WindowRuntime, 'addModel' | 'removeModel' | 'listModels'>;
  /** Ids of the models that the owner has added; kept over restarts. */
  wanted(): readonly string[];
  keepWanted(ids: readonly string[]): void;
  quotaBytes(): number | undefined;
  /** Why nothing may be downloaded now; undefined when it may. */
  refusal(): Problem | undefined;
  /** Settles when that is known, after the start of the app. */
  sensed: Promise<unknown>;
  now: () => number;
  onChange(): void;
  log: AgentLog;
};

export type ModelDesk = {
  downloads(): ModelDownload[];
  /** Begins with all models that were added before: those on disk are there at once. */
  start(): void;
  /** Breaks off what may not go on, and goes on with what may again; called at every change and once a second. */
  look(): void;
  /** Begins to download a model, and serves it from then on. Errors: `model_in_use` for one that is here or comes. */
  add(id: string): void;
  /** What came so far stays on disk, and is continued when the model is added again. */
  cancel(id: string): void;
  /** Takes a model that was added out of service and off the disk. Errors: `model_not_found`, `model_in_use`. */
  remove(id: string): Promise<void>;
  /** Whether it was added by the owner and can be removed. */
  isAdded(id: string): boolean;
  close(): void;
};

type Running = {
  stop: AbortController;
  meter: DownloadMeter;
  problem: ModelDownload['problem'];
  /** Whether it has asked a source for anything. */
  isOnline: boolean;
  /** Whether it waits for a network that may be used. */
  isHeld: boolean;
};

/** Ends a download that is to go on later. */
class Held extends Error {
  readonly refusal: Problem;
  constructor(refusal: Problem) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/**
 * The models that an owner adds to those that ship.
 *
 * Invariants: (1) a model is wanted before it is fetched, so that a restart goes on with it; (2) one download of a model
 * runs at a time; (3) a cancelled one is wanted no more; one that failed stays in sight until it is tried again or
 * cancelled; (4) nobody is asked for anything while `refusal` forbids it: what runs is broken off and keeps what came, what is
 * begun waits, and both go on by themselves when it does not.
 */
export function createModelDesk(options: ModelDeskOptions): ModelDesk {
  const { install, runtime, wanted, keepWanted, onChange, now, log } = options;
  const running = new Map<string, Running>();
  const added = new Map<string, PageModel>();

  const fetchOne = async (id: string): Promise<void> => {
    const entry: Running = {
      stop: new AbortController(),
      meter: createDownloadMeter(now),
      problem: null,
      isOnline: false,
      isHeld: false,
    };
    running.set(id, entry);
    const mayAsk = async (): Promise<void> => {
      await options.sensed;
      const refusal = options.refusal();
      if (refusal !== undefined) throw new Held(refusal);
      entry.isOnline = true;
    };
    onChange();
    try {
      const model = await install(id, {
        onProgress: entry.meter.note,
        signal: entry.stop.signal,
        quotaBytes: options.quotaBytes,
        mayAsk,
      });
      entry.stop.signal.throwIfAborted();
      added.set(id, model);
      running.delete(id);
      runtime.addModel(model);
    } catch (error) {
      if (error instanceof Held) {
        entry.isHeld = true;
        entry.problem = { code: error.refusal.code, message: error.refusal.message };
      } else if (entry.stop.signal.aborted) {
        if (running.get(id) === entry) running.delete(id);
      } else {
        const { code, message } = toProblem(error, 'model_download_failed');
        entry.problem = { code, message };
        log.warn({ model: id, code }, 'a model could not be fetched');
      }
    }
    onChange();
  };

  return {
    downloads: () => [...running].map(([model, { meter, problem }]) => ({ model, problem, ...meter.read() })),
    start: () => {
      for (const id of wanted()) void fetchOne(id);
    },
    look: () => {
      const refusal = options.refusal();
      for (const [id, { stop, isOnline, isHeld, problem }] of running) {
        if (refusal === undefined && isHeld) void fetchOne(id);
        else if (refusal !== undefined && isOnline && problem === null) stop.abort(new Held(refusal));
      }
    },
    add: (id) => {
      const name = id.trim();
      const isHere = runtime.listModels().some((model) => model.name === name);
      if (isHere || (running.get(name)?.problem === null && running.has(name))) {
        throw new Problem('model_in_use', `'${name}' is on this machine already, or on its way.`, { param: 'model' });
      }
      const refusal = options.refusal();
      if (refusal !== undefined) throw refusal;
      if (!wanted().includes(name)) keepWanted([...wanted(), name]);
      void fetchOne(name);
    },
    cancel: (id) => {
      const entry = running.get(id);
      keepWanted(wanted().filter((each) => each !== id));
      entry?.stop.abort(new Problem('cancelled', 'The download was cancelled.'));
      if (entry?.problem !== null) running.delete(id);
      onChange();
    },
    remove: async (id) => {
      const model = added.get(id);
      if (model === undefined) {
        throw new Problem('model_not_found', `'${id}' was not added to this app.`, { param: 'model' });
      }
      runtime.removeModel(id);
      added.delete(id);
      keepWanted(wanted().filter((each) => each !== id));
      await model.forget?.();
      onChange();
    },
    isAdded: (id) => added.has(id),
    close: () => {
      for (const { stop } of running.values()) stop.abort(new Problem('cancelled', 'The app is ending.'));
    },
  };
}
