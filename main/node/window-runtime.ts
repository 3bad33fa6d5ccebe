import type { AgentLog } from '../../shared/agent/log.ts';
import type { GpuReport } from '../../shared/ipc/app-state.ts';
import type { ComputeOrder } from '../../shared/ipc/compute-channels.ts';
import type { ComputeWord } from '../../shared/ipc/compute-contract.ts';
import type { ListedModel } from '../../shared/ipc/listed-model.ts';
import { fromProblemRecord, Problem } from '../../shared/problems/problem.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import type { Execution } from '../../shared/protocol/messages.ts';
import type { Runtime, RuntimeOutput, RuntimeResult } from '../../shared/runtimes/runtime.ts';
import type { LoadRequest } from '../../shared/runtimes/worker-protocol.ts';
import type { End } from './count-crashes.ts';

/** A model whose files the page can read. */
export type PageModel = {
  served: Omit<ServedModel, 'state'>;
  execution: Execution;
  load: LoadRequest;
  /** Checks its files against their digests before each load; throws `model_files_missing` or `model_files_corrupt`. */
  verify?(): Promise<void>;
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
  /** How long pages have to give memory back by themselves, and to stop a job. */
  graceMs?: number;
};

export type WindowRuntime = ReleasableRuntime & {
  /** What the page runs on, once it has said so. */
  report(): GpuReport | undefined;
  /** All models whose files are here, also those that no GPU can run. */
  listModels(): ListedModel[];
  greeted(report: GpuReport): void;
  said(word: ComputeWord): void;
  /** The page and all its workers are gone. One that keeps crashing offers nothing until it has greeted again. */
  gone(how: End): void;
  /** Only what held this model is gone. */
  modelGone(model: string, how: End): void;
};

type Pending = {
  model: string;
  output: RuntimeOutput;
  signal: AbortSignal;
  resolve(result: Omit<RuntimeResult, 'execution'>): void;
  reject(reason: unknown): void;
};
type Loading = PromiseWithResolvers<void>;

/** Well within the two seconds in which computing has to stop, and the five in which memory has to be free. */
const GRACE_MS = 1_500;

/**
 * Inference in the compute page, one worker per model, or in processes, one per model.
 *
 * Invariants: (1) `jobs` holds exactly the jobs that were sent and are not settled; the end of the page hands them all
 * back, but where it keeps crashing: that they caused it is likely then, and a job that goes round must end; (2) nothing is given out for a job after its signal was aborted; (3) a job that does not stop within the grace costs the
 * page its life, which stops everything; (4) a page without a real GPU serves no model.
 */
export function createWindowRuntime(options: WindowRuntimeOptions): WindowRuntime {
  const { models, window, log, allowSoftware = false, graceMs = GRACE_MS } = options;
  const byName = new Map(models.map((model) => [model.served.name, model]));
  const loads = new Map<string, Loading>();
  const warm = new Set<string>();
  const jobs = new Map<number, Pending>();
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
  const load = async ({ served, load: request, verify }: PageModel): Promise<void> => {
    if (!loads.has(served.name)) await verify?.();
    await window.ready().catch((cause: unknown) => {
      throw new Problem('model_load_failed', 'The page that computes could not be started.', { cause });
    });
    const known = loads.get(served.name);
    if (known !== undefined) return known.promise;
    const loading = Promise.withResolvers<void>();
    loading.promise.catch(() => undefined);
    loads.set(served.name, loading);
    window.order({ model: served.name, order: { type: 'load', ...request } });
    return loading.promise;
  };
  const gone = (how: End): void => {
    const problem = endProblem('The page that computes', how);
    if (how === 'keeps-crashing') report = undefined;
    for (const loading of loads.values()) loading.reject(problem);
    for (const job of jobs.values()) job.reject(job.signal.aborted ? job.signal.reason : problem);
    loads.clear();
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
  const unloaded = (model: string, how?: End): void => {
    const isWanted = how === 'ended' || emptied !== undefined;
    const problem = isWanted
      ? new Problem('handed_back', `The owner took '${model}' out of memory. Its jobs can run elsewhere.`)
      : how === undefined
        ? new Problem('node_fault', `The worker of '${model}' has ended. Its jobs can run elsewhere.`)
        : endProblem(`What computes '${model}'`, how);
    loads.get(model)?.reject(problem);
    loads.delete(model);
    for (const job of jobs.values()) {
      if (job.model === model) job.reject(job.signal.aborted ? job.signal.reason : problem);
    }
    tellEmptied();
    if (warm.delete(model)) changed();
  };

  const ofModel = ({ model, word }: ComputeWord): boolean => {
    if (word.type === 'loaded') {
      warm.add(model);
      loads.get(model)?.resolve();
      changed();
    } else if (word.type === 'unloaded') {
      unloaded(model);
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

  return {
    models: () =>
      report?.usable === true
        ? models.map(({ served }) => ({ ...served, state: warm.has(served.name) ? 'warm' : 'installed' }))
        : [],
    onChange: (listener) => void listeners.push(listener),
    run: async (job, output, signal) => {
      const model = find(job.model);
      signal.throwIfAborted();
      await endedBy(signal, load(model));
      signal.throwIfAborted();
      return { ...(await runOne(model, job, output, signal)), execution: model.execution };
    },
    freeMemory: async () => {
      if (loads.size === 0) return;
      emptied ??= Promise.withResolvers<void>();
      const { promise, resolve } = emptied;
      const timer = setTimeout(resolve, graceMs);
      for (const model of loads.keys()) window.order({ model, order: { type: 'unload' } });
      await promise;
      clearTimeout(timer);
      // What remains of a page that has unloaded its models is its GPU process's to keep; without the page it has none.
      window.end();
    },
    holdsMemory: () => loads.size > 0,
    listModels: () =>
      models.map(({ served }) => {
        // Until the page has said what it found, nothing speaks against its models.
        const isUsable = report?.usable !== false;
        return { ...served, state: !isUsable ? 'unusable' : warm.has(served.name) ? 'warm' : 'installed' };
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
    modelGone: (model, how) => unloaded(model, how),
  };
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
