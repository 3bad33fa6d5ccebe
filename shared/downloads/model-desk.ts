import type { AgentLog } from '../agent/log.ts';
import { createSteadyClock } from '../clock/steady-clock.ts';
import type { ModelDownload } from '../ipc/app-state.ts';
import type { ModelSize } from '../ipc/model-size.ts';
import { Problem, toProblem } from '../problems/problem.ts';
import { createDownloadMeter, type DownloadMeter, type DownloadProgress } from './download-meter.ts';
import { isSameModel, readWanted } from './wanted-model.ts';

/** A model that was brought here. `forget` takes its files away; absent for those that ship with the app. */
export type BroughtModel = { forget?(): Promise<void> };

export type BringOptions = {
  onProgress(progress: DownloadProgress): void;
  signal: AbortSignal;
  quotaBytes: () => number | undefined;
  /** Rejects where no source may be asked now; what is here already needs none. */
  mayAsk: () => Promise<void>;
};

export type ModelDeskOptions<Model extends BroughtModel> = {
  install(wanted: string, options: BringOptions): Promise<Model>;
  /** What a download would bring; sizes are unknown when absent. */
  measure?(wanted: string, signal: AbortSignal): Promise<ModelSize>;
  /** Takes what came of a download off the disk. */
  discard(wanted: string): Promise<void>;
  runtime: {
    addModel(model: Model): void;
    removeModel(id: string): void;
    listModels(): readonly { name: string }[];
  };
  /** The models that the owner has added, with the tasks that they named; kept over restarts. */
  wanted(): readonly string[];
  keepWanted(models: readonly string[]): void;
  /** The ids of those whose download waits until the owner lets it go on; kept over restarts too. */
  paused(): readonly string[];
  keepPaused(ids: readonly string[]): void;
  quotaBytes(): number | undefined;
  /** Why nothing may be downloaded now; undefined when it may. */
  refusal(): Problem | undefined;
  /** Settles when that is known, after the start of the host. */
  sensed: Promise<unknown>;
  now: () => number;
  onChange(): void;
  log: AgentLog;
};

export type ModelDesk = {
  downloads(): ModelDownload[];
  /** Begins with all models that were added before: those on disk are there at once. */
  start(): void;
  /** Breaks off what may not go on, and goes on with what may again or is due; called at every change and once a second. */
  watchNetwork(): void;
  /**
   * How large a model is, before anything is fetched; named by its id, or with `#task` behind it. Errors: those of the
   * source; `model_in_use` for one that is here.
   */
  look(wanted: string): Promise<ModelSize>;
  /**
   * Begins to download a model, named as in `look`, or goes on with it as it was named before where only its id is said, and
   * serves it from then on. Errors: `model_in_use` for one that is here or comes.
   */
  add(wanted: string): void;
  /** What came so far stays on the disk, and is continued when the model is added again. */
  pause(id: string): void;
  /** Ends a download for good; resolves when what came of it is off the disk. */
  cancel(id: string): Promise<void>;
  /** Takes a model that was added out of service and off the disk. Errors: `model_not_found`, `model_in_use`. */
  remove(id: string): Promise<void>;
  /** Whether it was added by the owner and can be removed. */
  isAdded(id: string): boolean;
  close(): void;
};

/** The longest that is waited before a source is asked again: a machine that has woken is soon at it. */
const ASK_AGAIN_MOST_MS = 60_000;
/** A person waits for it. */
const LOOK_WITHIN_MS = 20_000;

type Running = {
  stop: AbortController;
  meter: DownloadMeter;
  problem: ModelDownload['problem'];
  isPaused: boolean;
  /** Whether it has asked a source for anything. */
  isOnline: boolean;
  /** When it goes on by itself, by `steady`: at once where it waits for a network that may be used; null where it does not. */
  goesOnAt: number | null;
  /** Of the attempts before it. */
  before: Attempts;
  /** Resolves when nothing of it is written any more. */
  ended: Promise<void>;
};

/** How long was waited after the last that failed, and how much was here then. */
type Attempts = { waitedMs: number; loadedBytes: number };
const NO_ATTEMPTS: Attempts = { waitedMs: 0, loadedBytes: 0 };

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
 * Invariants: (1) a model is wanted before it is fetched, so that a restart goes on with it, unless it is paused; (2) one
 * download of a model runs at a time; (3) a cancelled one is wanted no more, and stays in sight until what came of it is off
 * the disk; one that failed stays until it is tried again or cancelled; (4) nobody is asked for anything while `refusal` forbids
 * it: what runs is broken off and keeps what came, what is begun waits, and both go on by themselves when it does not; (5) what
 * stops something does so also where it cannot be written down; (6) where a problem says that it may pass, the source is asked
 * again by itself, twice as late each time that brought nothing.
 */
export function createModelDesk<Model extends BroughtModel>(options: ModelDeskOptions<Model>): ModelDesk {
  const { install, runtime, wanted, keepWanted, keepPaused, onChange, now, log } = options;
  const steady = createSteadyClock(now);
  const running = new Map<string, Running>();
  const added = new Map<string, Model>();

  const enter = (id: string, isPaused: boolean, before = NO_ATTEMPTS): Running => {
    const entry: Running = {
      stop: new AbortController(),
      meter: createDownloadMeter(now),
      problem: null,
      isPaused,
      isOnline: false,
      goesOnAt: null,
      before,
      ended: Promise.resolve(),
    };
    running.set(id, entry);
    onChange();
    return entry;
  };
  /** As the owner has named it. */
  const namedOf = (id: string): string => wanted().find((each) => isSameModel(each, id)) ?? id;
  const begin = (id: string, attempts?: Attempts): void => {
    const before = running.get(id)?.ended;
    const entry = enter(id, false, attempts);
    // What was paused a moment ago may still write its last bytes.
    entry.ended = (before ?? Promise.resolve()).then(() => fetchOne(id, entry));
  };
  const forget = (id: string): void => {
    try {
      keepWanted(wanted().filter((each) => !isSameModel(each, id)));
    } finally {
      keepPaused(options.paused().filter((each) => each !== id));
    }
  };
  const fetchOne = async (id: string, entry: Running): Promise<void> => {
    const mayAsk = async (): Promise<void> => {
      await options.sensed;
      const refusal = options.refusal();
      if (refusal !== undefined) throw new Held(refusal);
      entry.isOnline = true;
    };
    try {
      const model = await install(namedOf(id), {
        onProgress: entry.meter.note,
        signal: entry.stop.signal,
        quotaBytes: options.quotaBytes,
        mayAsk,
      });
      entry.stop.signal.throwIfAborted();
      added.set(id, model);
      if (running.get(id) === entry) running.delete(id);
      runtime.addModel(model);
    } catch (error) {
      if (error instanceof Held) {
        if (!entry.isPaused) {
          entry.goesOnAt = steady();
          entry.problem = { code: error.refusal.code, message: error.refusal.message };
        }
        // Who stopped it otherwise has said what becomes of it.
      } else if (!entry.stop.signal.aborted) {
        const { code, message, retryAfterMs } = toProblem(error, 'model_download_failed');
        entry.problem = { code, message };
        if (retryAfterMs !== undefined) askAgain(entry, retryAfterMs, entry.problem);
        log.warn({ model: id, code }, 'a model could not be fetched');
      }
    }
    onChange();
  };
  const askAgain = (entry: Running, firstMs: number, problem: NonNullable<Running['problem']>): void => {
    const { loadedBytes } = entry.meter.read();
    const { before } = entry;
    const waitedMs = Math.min(
      loadedBytes > before.loadedBytes ? firstMs : before.waitedMs * 2 || firstMs,
      ASK_AGAIN_MOST_MS,
    );
    entry.before = { waitedMs, loadedBytes: Math.max(loadedBytes, before.loadedBytes) };
    entry.goesOnAt = steady() + waitedMs;
    problem.message += ' What came is kept, and it is asked again by itself.';
  };

  const endForGood = async (id: string, named: string): Promise<void> => {
    const entry = running.get(id);
    if (entry === undefined) return;
    // Nothing may begin in its place before its files are gone.
    Object.assign(entry, { isPaused: false, problem: null, goesOnAt: null });
    entry.stop.abort(new Problem('cancelled', 'The download was cancelled.'));
    await entry.ended;
    await options.discard(named).catch((err: unknown) => log.warn({ model: id, err }, 'what came of a model stays'));
    if (running.get(id) === entry) running.delete(id);
    onChange();
  };
  const assertAbsent = (name: string): void => {
    const isHere = runtime.listModels().some((model) => model.name === name);
    const entry = running.get(name);
    if (isHere || (entry?.problem === null && !entry.isPaused)) {
      throw new Problem('model_in_use', `'${name}' is on this machine already, or on its way.`, { param: 'model' });
    }
  };

  return {
    downloads: () =>
      [...running].map(([model, { meter, problem, isPaused }]) => ({ model, problem, isPaused, ...meter.read() })),
    start: () => {
      for (const { id } of wanted().map(readWanted)) {
        if (options.paused().includes(id)) enter(id, true);
        else begin(id);
      }
    },
    watchNetwork: () => {
      const refusal = options.refusal();
      const time = steady();
      for (const [id, { stop, isOnline, goesOnAt, before, problem }] of running) {
        if (refusal === undefined && goesOnAt !== null && goesOnAt <= time) begin(id, before);
        else if (refusal !== undefined && isOnline && problem === null) stop.abort(new Held(refusal));
      }
    },
    add: (named) => {
      const { id: name, task } = readWanted(named);
      assertAbsent(name);
      const refusal = options.refusal();
      if (refusal !== undefined) throw refusal;
      const before = namedOf(name);
      const wish = task === undefined ? before : `${name}#${task}`;
      if (!wanted().includes(wish)) keepWanted([...wanted().filter((each) => each !== before), wish]);
      keepPaused(options.paused().filter((each) => each !== name));
      begin(name);
    },
    look: async (named) => {
      const model = named.trim();
      assertAbsent(readWanted(model).id);
      const size = await options.measure?.(model, AbortSignal.timeout(LOOK_WITHIN_MS));
      return { ...(size ?? { dtype: '', from: '', weightsBytes: null }), model };
    },
    pause: (id) => {
      const entry = running.get(id);
      if (entry === undefined || entry.problem !== null) return;
      entry.isPaused = true;
      entry.stop.abort(new Problem('cancelled', 'The download was paused.'));
      try {
        if (!options.paused().includes(id)) keepPaused([...options.paused(), id]);
      } finally {
        onChange();
      }
    },
    cancel: async (id) => {
      const named = namedOf(id);
      try {
        forget(id);
      } finally {
        await endForGood(id, named);
      }
    },
    remove: async (id) => {
      const model = added.get(id);
      if (model === undefined) {
        throw new Problem('model_not_found', `'${id}' was not added to this app.`, { param: 'model' });
      }
      runtime.removeModel(id);
      added.delete(id);
      try {
        forget(id);
      } finally {
        await model.forget?.();
        onChange();
      }
    },
    isAdded: (id) => added.has(id),
    close: () => {
      for (const { stop } of running.values()) stop.abort(new Problem('cancelled', 'The app is ending.'));
    },
  };
}
