import type { AgentLog } from '../../shared/agent/log.ts';
import type { GpuReport } from '../../shared/ipc/app-state.ts';
import type { ComputeOrder } from '../../shared/ipc/compute-channels.ts';
import type { ComputeWord } from '../../shared/ipc/compute-contract.ts';
import { memoryNeedBytes } from '../../shared/preferences/memory-need.ts';
import type { GpuPreference } from '../../shared/preferences/preferences.ts';
import { fromProblemRecord, Problem } from '../../shared/problems/problem.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import type { Execution } from '../../shared/protocol/messages.ts';
import { isServiceType } from '../../shared/protocol/subjects.ts';
import type { Runtime, RuntimeJob, RuntimeOutput, RuntimeResult } from '../../shared/runtimes/runtime.ts';
import type { LoadRequest } from '../../shared/runtimes/worker-protocol.ts';
import type { End } from './count-crashes.ts';
import { type HeldModel, modelsToUnload } from './page-memory.ts';

/** A model whose files the page can read. */
export type PageModel = {
  served: Omit<ServedModel, 'state'>;
  execution: Execution;
  load: LoadRequest;
  /** Checks its files against their digests before each load; throws `model_files_missing` or `model_files_corrupt`. */
  verify?(): Promise<void>;
  /** Takes its files off the disk; absent for those that ship with the app. Errors: `model_in_use`. */
  forget?(): Promise<void>;
  /** How it runs where there is no GPU for it; absent where it cannot. */
  onProcessor?: { execution: Execution; load: LoadRequest };
};

/** What computes: the page, or processes. */
export type ComputeHost = {
  /** Resolves when orders are heard; rejects when that cannot be had. */
  ready(): Promise<void>;
  order(order: ComputeOrder): void;
  /** Ends at least what holds this model, or all. */
  end(model?: string): void;
};

/** A runtime that can take what it holds out of memory and goes on when it is asked again. */
export type ReleasableRuntime = Runtime & { freeMemory(): Promise<void>; holdsMemory(): boolean };

export type WindowRuntimeOptions = {
  models: readonly PageModel[];
  window: ComputeHost;
  log: AgentLog;
  /** A simulated GPU counts too: right, and far too slow for anybody's work. For tests. */
  allowSoftware?: boolean;
  /** What the owner lets the GPU that computes do; everything when absent. */
  rule?: () => GpuPreference;
  /** How long pages have to give memory back by themselves, and to stop a job. */
  graceMs?: number;
};

/** A model, and whether anything stands in the way of serving it. */
export type InstalledPageModel = Omit<ServedModel, 'state'> & { state: ServedModel['state'] | 'unusable' };

export type WindowRuntime = ReleasableRuntime & {
  /** What the page runs on, once it has said so. */
  report(): GpuReport | undefined;
  /** All models whose files are here, also those that no GPU can run. */
  listModels(): InstalledPageModel[];
  /** From now on this one is served too; one of the same name takes the place of what was there. */
  addModel(model: PageModel): void;
  /** It is served no more, and its jobs are handed back. */
  removeModel(name: string): void;
  /** Follows the owner's rule after it has changed: at once, what it does not allow is neither served nor in memory. */
  enforce(): Promise<void>;
  /** Loads a model for `use` alone, whatever the rule says, and takes it out of memory when that has settled. */
  tryOut<Found>(model: PageModel, signal: AbortSignal, use: (run: RunTrial) => Promise<Found>): Promise<Found>;
  /** Resolves with what the page has found, which it is started for where it does not run. */
  lookAtGpu(): Promise<GpuReport | undefined>;
  greeted(report: GpuReport): void;
  said(word: ComputeWord): void;
  /** The page and all its workers are gone. One that keeps crashing offers nothing until it has greeted again. */
  gone(how: End): void;
  /** Only what held this model is gone. */
  modelGone(model: string, how: End): void;
};

type RunTrial = (job: RuntimeJob, output: RuntimeOutput) => Promise<Omit<RuntimeResult, 'execution'>>;

type Pending = {
  model: string;
  output: RuntimeOutput;
  signal: AbortSignal;
  resolve(result: Omit<RuntimeResult, 'execution'>): void;
  reject(reason: unknown): void;
};
type Loading = PromiseWithResolvers<void> & { needBytes: number };

/** Well within the two seconds in which computing has to stop, and the five in which memory has to be free. */
const GRACE_MS = 1_500;
const NO_RULE: GpuPreference = { enabled: true, memory_bytes: null };

/**
 * Inference in the compute page, one worker per model, or in processes, one per model.
 *
 * Invariants: (1) `jobs` holds exactly the jobs that were sent and are not settled; the end of the page hands them all
 * back, but where it keeps crashing: that they caused it is likely then, and a job that goes round must end; (2) nothing
 * is given out for a job after its signal was aborted; (3) a job that does not stop within the grace costs the page its
 * life, which stops everything; (4) a page without a real GPU, or with one that its owner has switched off, serves no
 * model; (5) models that are loaded or on their way need no more together than the owner's cap.
 */
export function createWindowRuntime(options: WindowRuntimeOptions): WindowRuntime {
  const { models, window, log, allowSoftware = false, rule = () => NO_RULE, graceMs = GRACE_MS } = options;
  const byName = new Map(models.map((model) => [model.served.name, model]));
  const loads = new Map<string, Loading>();
  const warm = new Set<string>();
  const jobs = new Map<number, Pending>();
  /** Words of workers that were ended here, which are on their way. */
  const expected = new Map<string, number>();
  const listeners: (() => void)[] = [];
  let report: GpuReport | undefined;
  /** Resolves when no model is in memory any more; there while somebody waits for that. */
  let emptied: PromiseWithResolvers<void> | undefined;
  let lastId = 0;
  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  const find = (name: string): PageModel => {
    const model = byName.get(name);
    if (model !== undefined) return model;
    throw new Problem('model_not_found', `This node does not serve the model '${name}'.`, { param: 'model' });
  };
  const isAllowed = ({ served }: PageModel): boolean => {
    const { enabled, memory_bytes: cap } = rule();
    return enabled && (cap === null || memoryNeedBytes(served) <= cap);
  };
  /** Those that were used longest ago first. */
  const held = (): HeldModel[] => {
    const busy = new Set([...jobs.values()].map(({ model }) => model));
    return [...loads].map(([name, { needBytes }]) => ({ name, needBytes, isBusy: busy.has(name) || !warm.has(name) }));
  };
  /** Makes room below the owner's cap; what leaves frees its memory before the next is read. */
  const makeRoom = (model: PageModel): void => {
    if (!isAllowed(model)) throw new Problem('handed_back', 'The owner of this node keeps its GPU for themselves.');
    const leaving = modelsToUnload(held(), memoryNeedBytes(model.served), rule().memory_bytes);
    if (leaving === undefined) {
      throw new Problem('node_busy', 'What runs now leaves no room below the memory that the owner gives.');
    }
    for (const name of leaving) takeBack(name);
  };
  const load = async (model: PageModel, isTrial = false): Promise<void> => {
    const { served, load: request, verify } = model;
    if (!loads.has(served.name)) await verify?.();
    await window.ready().catch((cause: unknown) => {
      throw new Problem('model_load_failed', 'The page that computes could not be started.', { cause });
    });
    const known = loads.get(served.name);
    if (known !== undefined) {
      // The last used stands last.
      loads.delete(served.name);
      loads.set(served.name, known);
      return known.promise;
    }
    if (!isTrial) makeRoom(model);
    const loading = { ...Promise.withResolvers<void>(), needBytes: memoryNeedBytes(served) };
    loading.promise.catch(() => undefined);
    loads.set(served.name, loading);
    window.order({ model: served.name, order: { type: 'load', ...request, allowSoftware } });
    return loading.promise;
  };
  const gone = (how: End): void => {
    const isWanted = emptied !== undefined && how !== 'keeps-crashing';
    const problem = isWanted ? takenBack() : endProblem('The page that computes', how);
    if (how === 'keeps-crashing') report = undefined;
    for (const loading of loads.values()) loading.reject(problem);
    for (const job of jobs.values()) job.reject(job.signal.aborted ? job.signal.reason : problem);
    loads.clear();
    expected.clear();
    jobs.clear();
    warm.clear();
    tellEmptied();
    changed();
  };
  const tellEmptied = (): void => {
    if (loads.size > 0) return;
    emptied?.resolve();
    emptied = undefined;
  };
  /** The worker of a model has ended, and with it whatever it had not finished. */
  const unloaded = (model: string, reason?: Problem): void => {
    const problem = reason ?? workerEnded(model);
    loads.get(model)?.reject(problem);
    loads.delete(model);
    for (const job of jobs.values()) {
      if (job.model === model) job.reject(job.signal.aborted ? job.signal.reason : problem);
    }
    tellEmptied();
    if (warm.delete(model)) changed();
  };

  /** Takes a model out of memory at once; its jobs hear why. The page's own word of it, which follows, is no news. */
  const takeBack = (name: string): void => {
    expected.set(name, (expected.get(name) ?? 0) + 1);
    window.order({ model: name, order: { type: 'unload' } });
    unloaded(name, takenBack());
  };

  const ofModel = ({ model, word }: ComputeWord): boolean => {
    if (word.type === 'loaded') {
      warm.add(model);
      loads.get(model)?.resolve();
      changed();
    } else if (word.type === 'unloaded') {
      const awaited = expected.get(model) ?? 0;
      if (awaited === 0) unloaded(model, emptied === undefined ? undefined : takenBack());
      else expected.set(model, awaited - 1);
    } else if (word.type === 'problem' && word.id === null) {
      if (word.fault !== null) log.error({ model, detail: word.fault }, word.problem.detail);
      loads.get(model)?.reject(fromProblemRecord(word.problem));
      unloaded(model);
    } else return false;
    return true;
  };

  const runOne = async (
    model: PageModel,
    job: Parameters<Runtime['run']>[0],
    output: RuntimeOutput,
    signal: AbortSignal,
  ) => {
    const { promise, resolve, reject } = Promise.withResolvers<Omit<RuntimeResult, 'execution'>>();
    lastId += 1;
    const id = lastId;
    const name = model.served.name;
    let grace: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      window.order({ model: name, order: { type: 'cancel', id } });
      grace = setTimeout(() => {
        log.error({ model: name }, 'a job did not stop in time; the page that computes is ended');
        window.end(name);
      }, graceMs);
    };
    jobs.set(id, { model: name, output, signal, resolve, reject });
    signal.addEventListener('abort', cancel, { once: true });
    window.order({ model: name, order: { type: 'run', id, job, interrupt: null } });
    try {
      return await promise;
    } finally {
      clearTimeout(grace);
      signal.removeEventListener('abort', cancel);
      jobs.delete(id);
    }
  };

  const freeMemory = async (): Promise<void> => {
    if (loads.size === 0) return;
    emptied ??= Promise.withResolvers<void>();
    const { promise, resolve } = emptied;
    const timer = setTimeout(resolve, graceMs);
    for (const model of loads.keys()) window.order({ model, order: { type: 'unload' } });
    await promise;
    clearTimeout(timer);
    // What remains of a page that has unloaded its models is its GPU process's to keep; without the page it has none.
    window.end();
  };
  const runOn = async (model: PageModel, ...[job, output, signal]: Parameters<Runtime['run']>) => {
    signal.throwIfAborted();
    // It may have had to leave for another one, between the end of its loading and now.
    do await endedBy(signal, load(model));
    while (!warm.has(model.served.name));
    signal.throwIfAborted();
    return runOne(model, job, output, signal);
  };

  return {
    models: () =>
      report?.usable === true
        ? [...byName.values()]
            .filter(isAllowed)
            .map(({ served }) => ({ ...served, state: warm.has(served.name) ? 'warm' : 'installed' }))
        : [],
    onChange: (listener) => void listeners.push(listener),
    run: async (job, output, signal) => {
      const model = find(job.model);
      return { ...(await runOn(model, job, output, signal)), execution: model.execution };
    },
    freeMemory,
    addModel: (model) => {
      if (loads.has(model.served.name)) takeBack(model.served.name);
      byName.set(model.served.name, model);
      changed();
    },
    removeModel: (name) => {
      if (!byName.delete(name)) return;
      if (loads.has(name)) takeBack(name);
      changed();
    },
    enforce: async () => {
      const { enabled, memory_bytes: cap } = rule();
      if (!enabled) {
        for (const name of loads.keys()) takeBack(name);
        window.end();
      }
      const leaving = modelsToUnload(held(), 0, cap) ?? [...loads.keys()];
      for (const name of leaving) takeBack(name);
      changed();
    },
    tryOut: async (model, signal, use) => {
      const { name } = model.served;
      try {
        await endedBy(signal, load(model, true));
        signal.throwIfAborted();
        return await use((job, output) => runOne(model, job, output, signal));
      } finally {
        if (loads.has(name)) takeBack(name);
      }
    },
    lookAtGpu: async () => {
      await window.ready().catch(() => undefined);
      return report;
    },
    holdsMemory: () => loads.size > 0,
    listModels: () =>
      [...byName.values()]
        .filter(({ served }) => !isServiceType(served.type))
        .map((model) => {
          const { served } = model;
          // Until the page has said what it found, nothing speaks against its models.
          const isUsable = report?.usable !== false && rule().enabled;
          const state = !isUsable || !isAllowed(model) ? 'unusable' : warm.has(served.name) ? 'warm' : 'installed';
          return { ...served, state };
        }),
    report: () => report,
    close: async () => window.end(),
    greeted: (found) => {
      report = allowSoftware && found.isFallback ? { ...found, usable: true } : found;
      changed();
    },
    said: (said) => {
      if (ofModel(said)) return;
      const { word } = said;
      const job = 'id' in word ? jobs.get(word.id ?? -1) : undefined;
      // A worker speaks for the jobs of its own model.
      if (job !== undefined && job.model === said.model) deliver(word as JobWord, job);
    },
    gone,
    modelGone: (model, how) => {
      expected.delete(model);
      const isWanted = how === 'ended' || emptied !== undefined;
      unloaded(model, isWanted ? takenBack() : endProblem(`What computes '${model}'`, how));
    },
  };
}

function workerEnded(model: string): Problem {
  return new Problem('node_fault', `The worker of '${model}' has ended. Its jobs can run elsewhere.`);
}

function takenBack(): Problem {
  return new Problem('handed_back', 'The owner of this node has taken its machine back. Its jobs can run elsewhere.');
}

function endProblem(who: string, how: End): Problem {
  return how === 'keeps-crashing'
    ? new Problem('node_fault', `${who} keeps crashing. Its jobs can run elsewhere.`)
    : new Problem('handed_back', `${who} has ended. Its jobs can run elsewhere.`);
}

type JobWord = Exclude<ComputeWord['word'], { type: 'loaded' } | { type: 'unloaded' }>;

function deliver(word: JobWord, job: Pending): void {
  if (word.type === 'done') {
    const { type: _, id: __, ...result } = word;
    job.resolve(result);
  } else if (word.type === 'cancelled') job.reject(job.signal.reason);
  else if (word.type === 'problem') job.reject(fromProblemRecord(word.problem));
  else if (!job.signal.aborted) {
    try {
      giveOut(word, job.output);
    } catch (error) {
      job.reject(error);
    }
  }
}

function giveOut(word: Extract<JobWord, { type: 'text' | 'tool_call' | 'vectors' }>, output: RuntimeOutput): void {
  if (word.type === 'text') output.text(word.text, word.tokens, word.more);
  else if (word.type === 'tool_call') output.toolCall(word.piece);
  else if (!(word.values instanceof Float32Array)) throw new TypeError('The page gave vectors that are none.');
  else output.vectors(word.start, word.count, word.dimensions, word.values);
}

/** Waits for `promise`, but no longer than until `signal` is aborted. */
async function endedBy<Value>(signal: AbortSignal, promise: Promise<Value>): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
