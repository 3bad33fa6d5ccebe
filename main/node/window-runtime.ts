import type { AgentLog } from '../../shared/agent/log.ts';
import { endedBy } from '../../shared/cancellation/ended-by.ts';
import type { GpuReport, LoadedModel } from '../../shared/ipc/app-state.ts';
import type { ComputeHello, ComputeWord } from '../../shared/ipc/compute-contract.ts';
import type { GpuPreference } from '../../shared/preferences/preferences.ts';
import { fromProblemRecord, Problem } from '../../shared/problems/problem.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import { isServiceType } from '../../shared/protocol/subjects.ts';
import type { Runtime, RuntimeJob, RuntimeModel, RuntimeOutput } from '../../shared/runtimes/runtime.ts';
import { readThreadTrial, type ThreadTrial } from '../../shared/runtimes/thread-trial.ts';
import type { End } from '../headless/inference/count-crashes.ts';
import { type DutyShare, FULL_DUTY } from '../headless/inference/duty-share.ts';
import type { GpuMemoryCheck } from './gpu-memory-check.ts';
import { createModelUses } from './model-uses.ts';
import { createPageJobs, type PageResult } from './page-jobs.ts';
import { createPageLoads, takenBack } from './page-loads.ts';
import { asOnProcessor, type ComputeHost, type PageModel } from './page-model.ts';

/** A runtime that can take what it holds out of memory and goes on when it is asked again. */
export type ReleasableRuntime = Runtime & {
  freeMemory(): Promise<void>;
  holdsMemory(): boolean;
  /** What can work at once, and when each leaves if nobody asks for it; `idleMs` is after how long, null never. */
  loaded(idleMs: number | null): LoadedModel[];
  /** Takes models out of memory that nobody has used for so long; the next job loads its model again. */
  releaseIdle(idleMs: number): void;
};

export type WindowRuntimeOptions = {
  models: readonly PageModel[];
  window: ComputeHost;
  log: AgentLog;
  /** A simulated GPU counts too: right, and far too slow for anybody's work. For tests. */
  allowSoftware?: boolean;
  /** What the owner lets the GPU that computes do; everything when absent. */
  rule?: () => GpuPreference;
  /** What a model needs of the GPU's memory; by the size of its files when absent. */
  needBytes?: (served: PageModel['served']) => number;
  /** Whether a model is to run on the page's processor although the GPU is there for it; none is when absent. */
  prefersProcessor?: (name: string) => boolean;
  /** A job has ended well; `held` tells what is in the memory of the GPU, undefined for what is only tried out. */
  onRan?: (held: () => readonly (PageModel['served'] | undefined)[]) => void;
  /** How much of the time models may compute; all of it when absent. */
  duty?: DutyShare;
  /** Looks whether a GPU's memory comes back; nobody does when absent. */
  gpuCheck?: GpuMemoryCheck;
  now?: () => number;
  /** How long pages have to give memory back by themselves. */
  graceMs?: number;
  /** How long a cancelled job may keep what computes it busy before that is ended; five seconds when absent. */
  cancelGraceMs?: number;
  /** How long a load may take; ten minutes when absent. */
  loadLimitMs?: number;
};

/** A model, and whether anything stands in the way of serving it. */
export type InstalledPageModel = Omit<RuntimeModel, 'state'> & { state: ServedModel['state'] | 'unusable' };

export type WindowRuntime = ReleasableRuntime & {
  /** What the page runs on, once it has said so. */
  report(): ComputeHello | undefined;
  /** All models whose files are here, also those that no GPU can run. */
  listModels(): InstalledPageModel[];
  /** From now on this one is served too; one of the same name takes the place of what was there. */
  addModel(model: PageModel): void;
  /** It is served no more, and its jobs are handed back. */
  removeModel(name: string): void;
  /**
   * Follows the owner's rule, and what was measured, after they have changed: at once, what is not allowed is neither served
   * nor in memory, and what has its place elsewhere is not in memory here.
   */
  enforce(belongsHere?: (model: string) => boolean): Promise<void>;
  /** Whether the GPU is there for a model, and its owner lets it run it. */
  mayUseGpu(name: string): boolean;
  /**
   * Loads a model for `use` alone, and takes it out of memory when that has settled. Whatever the owner's rule says, unless
   * `isRuled`.
   */
  tryOut<Found>(
    model: PageModel,
    signal: AbortSignal,
    use: (run: RunTrial) => Promise<Found>,
    isRuled?: boolean,
  ): Promise<Found>;
  /** Resolves with what the page has found, which it is started for where it does not run. */
  lookAtGpu(): Promise<GpuReport | undefined>;
  greeted(report: ComputeHello): void;
  said(word: ComputeWord): void;
  /** The page and all its workers are gone. One that keeps crashing offers nothing until it has greeted again. */
  gone(how: End): void;
  /** Only what held this model is gone. */
  modelGone(model: string, how: End): void;
};

export type RunTrial = (job: RuntimeJob, output: RuntimeOutput) => Promise<PageResult>;

/** Well within the two seconds in which computing has to stop, and the five in which memory has to be free. */
const GRACE_MS = 1_500;
/** Others' answers of the same model end with it; beyond this it hangs. */
const CANCEL_GRACE_MS = 5_000;
const NO_RULE: GpuPreference = { enabled: true, memory_bytes: null };

/**
 * Inference in the compute page, one worker per model, or in processes, one per model.
 *
 * Invariants: (1) a page without a real GPU, or with one that its owner has switched off, serves only what its processor
 * may run instead, and what was faster there it runs there in any case; (2) the end of
 * the page hands its jobs back, but where it keeps crashing: that they caused it is likely then, and a job that goes round
 * must end; (3) a model leaves for want of work only while no job runs on it, waits for it or loads it, in the turn in which that
 * is seen. Those of jobs and of memory stand in `page-jobs.ts` and `page-loads.ts`.
 */
export function createWindowRuntime(options: WindowRuntimeOptions): WindowRuntime {
  const { models, window, log, allowSoftware = false, rule = () => NO_RULE, graceMs = GRACE_MS } = options;
  const { duty = FULL_DUTY, gpuCheck, prefersProcessor = () => false, now = Date.now } = options;
  const uses = createModelUses(now);
  const byName = new Map(models.map((model) => [model.served.name, model]));
  const listeners: (() => void)[] = [];
  /** Of the models in memory. */
  const threadTrials = new Map<string, ThreadTrial>();
  let report: ComputeHello | undefined;
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const endModel = (model: string): void => {
    if (loads.has(model)) loads.takeBack(model, endProblem(`What computes '${model}'`, 'ended'));
  };
  const jobs = createPageJobs({ window, endModel, graceMs: options.cancelGraceMs ?? CANCEL_GRACE_MS, log });
  const { busyModels, end: endJobs } = jobs;
  const { needBytes, loadLimitMs } = options;
  const loads = createPageLoads({
    ...{ window, rule, busyModels, endJobs, onChange: changed, allowSoftware, graceMs },
    ...(needBytes === undefined ? {} : { needBytes }),
    ...(loadLimitMs === undefined ? {} : { loadLimitMs }),
    dutyPercent: duty.percent,
    ...(gpuCheck === undefined ? {} : { gpuCheck }),
  });
  duty.onChange(loads.tellDuty);
  const heldByGpu = (): (PageModel['served'] | undefined)[] =>
    loads
      .names()
      .filter((name) => loads.deviceOf(name) === 'webgpu')
      .map((name) => byName.get(name)?.served);

  const isUsable = (model: PageModel): boolean => report?.usable === true && loads.isAllowed(model);
  /** The model as it runs now; undefined where it cannot. */
  const runnable = (model: PageModel): PageModel | undefined => {
    const { onProcessor } = model;
    const inPage = onProcessor?.host === 'page' ? onProcessor : undefined;
    if (isUsable(model) && (inPage === undefined || !prefersProcessor(model.served.name))) return model;
    return report !== undefined && inPage !== undefined ? asOnProcessor(model, inPage) : undefined;
  };
  const find = (name: string): PageModel => {
    const model = byName.get(name);
    if (model !== undefined) return runnable(model) ?? model;
    throw new Problem('model_not_found', `This node does not serve the model '${name}'.`, { param: 'model' });
  };
  const ended = (who: string, how: End, isWanted: boolean): Problem => (isWanted ? takenBack() : endProblem(who, how));
  const using = <Value>(name: string, work: () => Promise<Value>): Promise<Value> =>
    uses.during(name, () => duty.during(name, work));
  const runOn = async (model: PageModel, ...[job, output, signal]: Parameters<Runtime['run']>) => {
    const { name } = model.served;
    signal.throwIfAborted();
    // It may have had to leave for another one, between the end of its loading and now.
    do await endedBy(signal, loads.load(model, signal));
    while (!loads.isWarm(name));
    signal.throwIfAborted();
    return jobs.run(name, job, output, signal);
  };
  const noteThreads = (
    model: string,
    { type: _, ...said }: Extract<ComputeWord['word'], { type: 'threads' }>,
  ): void => {
    const trial = readThreadTrial(said);
    if (trial !== null && byName.has(model)) threadTrials.set(model, trial);
  };
  const drop = (name: string): void => {
    if (loads.has(name)) loads.takeBack(name);
    changed();
  };

  return {
    models: () =>
      [...byName.values()]
        .flatMap((model) => runnable(model) ?? [])
        .map(({ served }) => ({ ...served, state: loads.isWarm(served.name) ? 'warm' : 'installed' })),
    mayUseGpu: (name) => {
      const model = byName.get(name);
      return model !== undefined && isUsable(model);
    },
    onChange: (listener) => void listeners.push(listener),
    run: async (job, output, signal) => {
      const model = find(job.model);
      const result = await using(job.model, () => runOn(model, job, output, signal));
      options.onRan?.(heldByGpu);
      return { ...result, execution: model.execution };
    },
    freeMemory: loads.empty,
    addModel: (model) => {
      byName.set(model.served.name, model);
      drop(model.served.name);
    },
    removeModel: (name) => {
      if (byName.delete(name)) drop(name);
    },
    enforce: async (belongsHere = () => true) => {
      loads.enforce();
      for (const [name, model] of byName) {
        const isElsewhere = !belongsHere(name) || (runnable(model) ?? model).load.device !== loads.deviceOf(name);
        if (loads.has(name) && isElsewhere) loads.takeBack(name);
      }
      changed();
    },
    tryOut: async (model, signal, use, isRuled = false) => {
      const { name } = model.served;
      const tried = async (): Promise<Awaited<ReturnType<typeof use>>> => {
        await endedBy(signal, loads.load(model, signal, !isRuled));
        signal.throwIfAborted();
        return await use((job, output) => jobs.run(name, job, output, signal));
      };
      return await using(name, tried).finally(() => {
        if (loads.has(name)) loads.takeBack(name);
      });
    },
    lookAtGpu: async () => {
      await window.ready().catch(() => undefined);
      return report;
    },
    holdsMemory: () => !loads.isEmpty(),
    loaded: (idleMs) =>
      loads.names().flatMap((name) => {
        if (!byName.has(name) || !loads.isWarm(name)) return [];
        const since = uses.idleSince(name);
        return [{ model: name, unloadsAt: since === null || idleMs === null ? null : since + idleMs }];
      }),
    releaseIdle: (idleMs) => {
      const idle = loads.names().filter((name) => {
        const since = uses.idleSince(name);
        return since !== null && now() - since >= idleMs;
      });
      for (const name of idle) {
        loads.takeBack(name);
        log.info({ model: name }, 'nobody has asked a model for long, which has left the memory');
      }
      // As after `empty`: without the page nothing of it is kept.
      if (idle.length > 0 && loads.isEmpty() && !uses.isAnyInUse()) window.end();
    },
    listModels: () =>
      [...byName.values()]
        .filter(({ served }) => !isServiceType(served.type))
        .map((model) => {
          // Until the page has said what it found, nothing speaks against its models.
          const shown = report === undefined && loads.isAllowed(model) ? model : runnable(model);
          const state = shown === undefined ? 'unusable' : loads.isWarm(model.served.name) ? 'warm' : 'installed';
          const threadTrial = state === 'warm' ? threadTrials.get(model.served.name) : undefined;
          return { ...(shown ?? model).served, state, ...(threadTrial === undefined ? {} : { threadTrial }) };
        }),
    report: () => report,
    close: async () => window.end(),
    greeted: (found) => {
      report = allowSoftware && found.isFallback ? { ...found, usable: true } : found;
      changed();
    },
    said: (said) => {
      const { model, word } = said;
      if (word.type === 'loaded') {
        // Another worker than before measures anew.
        threadTrials.delete(model);
        loads.loaded(model);
      } else if (word.type === 'threads') noteThreads(model, word);
      else if (word.type === 'unloaded') loads.unloaded(model);
      else if (word.type === 'problem' && word.id === null) {
        if (word.fault !== null) log.error({ model, detail: word.fault }, word.problem.detail);
        loads.refused(model, fromProblemRecord(word.problem));
      } else jobs.said(said);
    },
    gone: (how) => {
      const isWanted = loads.isEmptying() && how !== 'keeps-crashing';
      if (how === 'keeps-crashing') report = undefined;
      loads.gone(ended('The page that computes', how, isWanted));
    },
    modelGone: (model, how) => {
      const isWanted = how === 'ended' || loads.isEmptying();
      loads.gone(ended(`What computes '${model}'`, how, isWanted), model);
    },
  };
}

function endProblem(who: string, how: End): Problem {
  return how === 'keeps-crashing'
    ? new Problem('node_fault', `${who} keeps crashing. Its jobs can run elsewhere.`)
    : new Problem('handed_back', `${who} has ended. Its jobs can run elsewhere.`);
}
