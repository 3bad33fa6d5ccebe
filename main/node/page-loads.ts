import { memoryNeedBytes } from '../../shared/preferences/memory-need.ts';
import type { GpuPreference } from '../../shared/preferences/preferences.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { FULL_DUTY_PERCENT } from '../../shared/runtimes/duty.ts';
import { LOAD_LIMIT_MS, stuckLoadProblem } from '../../shared/runtimes/load-limit.ts';
import type { GpuMemoryCheck } from './gpu-memory-check.ts';
import { type HeldModel, modelsToUnload } from './page-memory.ts';
import type { ComputeHost, PageModel } from './page-model.ts';

export type PageLoads = {
  /**
   * Resolves when the model can work. What is aborted before its load has begun takes no memory; a trial loads whatever the owner's
   * rule says.
   */
  load(model: PageModel, signal: AbortSignal, isTrial?: boolean): Promise<void>;
  isAllowed(model: PageModel): boolean;
  /** Whether it lies in memory or is on its way there. */
  has(name: string): boolean;
  /** In whose memory; undefined where it is in none. */
  deviceOf(name: string): string | undefined;
  isWarm(name: string): boolean;
  /** What lies in memory or is on its way there. */
  names(): string[];
  isEmpty(): boolean;
  /** Tells workers what part of the time they may compute, where that is another than they know. */
  tellDuty(): void;
  /** Takes a model out of memory at once; its jobs hear why, which is its owner's wish where nothing else is said. */
  takeBack(name: string, reason?: Problem): void;
  /** Follows the owner's rule: what it does not allow leaves. */
  enforce(): void;
  /** Lets all models leave by themselves, within the grace. */
  empty(): Promise<void>;
  /** Somebody waits for the memory, so that what ends now was wanted. */
  isEmptying(): boolean;
  /** What the page says of its models. */
  loaded(name: string): void;
  unloaded(name: string): void;
  refused(name: string, problem: Problem): void;
  /** The end of one model's process, or of all that computes. */
  gone(reason: Problem, name?: string): void;
};

type PageLoadsOptions = {
  window: ComputeHost;
  rule(): GpuPreference;
  busyModels(): ReadonlySet<string>;
  endJobs(reason: Problem, model?: string): void;
  onChange(): void;
  /** A simulated GPU counts too. */
  allowSoftware: boolean;
  graceMs: number;
  /** How long a load may take; ten minutes when absent. */
  loadLimitMs?: number;
  /** What a model needs of a GPU's memory; by the size of its files when absent. */
  needBytes?: (served: PageModel['served']) => number;
  /** Of the time, for each model. */
  dutyPercent(): number;
  /** Looks whether a GPU's memory comes back. */
  gpuCheck?: Pick<GpuMemoryCheck, 'loading' | 'emptied'>;
};

type Loading = PromiseWithResolvers<void> & { device: string; needBytes: number; dutyPercent: number };

const GPU = 'webgpu';

/**
 * The models in the memory of what computes.
 *
 * Invariants: (1) `loads` holds what is in memory or on its way, those used longest ago first, and `warm` what can work;
 * (2) all of them together need no more than the owner's cap, but for a trial; (3) a model that leaves ends its jobs, and one
 * that does not arrive within the limit leaves.
 */
export function createPageLoads({
  window,
  rule,
  onChange,
  allowSoftware,
  graceMs,
  loadLimitMs = LOAD_LIMIT_MS,
  needBytes = memoryNeedBytes,
  dutyPercent,
  gpuCheck,
  ...jobs
}: PageLoadsOptions): PageLoads {
  const loads = new Map<string, Loading>();
  const warm = new Set<string>();
  /** Loads that have not begun. */
  let preparing = 0;
  /** Words of workers that were ended here, which are on their way. */
  const expected = new Map<string, number>();
  /** Resolves when no model is in memory any more; there while somebody waits for that. */
  let emptied: PromiseWithResolvers<void> | undefined;

  const isAllowed = ({ served, load: { device } }: PageModel): boolean => {
    if (device !== GPU) return true;
    const { enabled, memory_bytes: cap } = rule();
    return enabled && (cap === null || needBytes(served) <= cap);
  };
  /** Of a GPU's memory; the processor's is the system's to share out. */
  const needOf = ({ served, load: { device } }: PageModel): number => (device === GPU ? needBytes(served) : 0);
  const held = (): HeldModel[] => {
    const busy = jobs.busyModels();
    return [...loads].map(([name, { needBytes }]) => ({ name, needBytes, isBusy: busy.has(name) || !warm.has(name) }));
  };
  const isOnGpu = (): boolean => [...loads.values()].some(({ device }) => device === GPU);
  const tellDuty = (): void => {
    const percent = dutyPercent();
    for (const [model, loading] of loads) {
      if (loading.dutyPercent === percent) continue;
      loading.dutyPercent = percent;
      window.order({ model, order: { type: 'duty', percent } });
    }
  };
  const tellEmptied = (): void => {
    if (loads.size > 0) return;
    emptied?.resolve();
    emptied = undefined;
  };
  const leave = (name: string, reason: Problem): void => {
    const left = loads.get(name);
    left?.reject(reason);
    loads.delete(name);
    if (left?.device === GPU && !isOnGpu()) gpuCheck?.emptied();
    jobs.endJobs(reason, name);
    tellEmptied();
    if (warm.delete(name)) onChange();
  };
  /** The page's own word of it, which follows, is no news. */
  const takeBack = (name: string, reason: Problem = takenBack()): void => {
    expected.set(name, (expected.get(name) ?? 0) + 1);
    window.order({ model: name, order: { type: 'unload' } });
    leave(name, reason);
  };
  const leaveIfThere = (name: string): void => {
    if (loads.has(name)) takeBack(name);
  };
  /** Makes room below the owner's cap; what leaves frees its memory before the next is read. */
  const makeRoom = (model: PageModel): void => {
    if (!isAllowed(model)) throw new Problem('handed_back', 'The owner of this node keeps its GPU for themselves.');
    const leaving = modelsToUnload(held(), needOf(model), rule().memory_bytes);
    if (leaving === undefined) {
      throw new Problem('node_busy', 'What runs now leaves no room below the memory that the owner gives.');
    }
    for (const name of leaving) takeBack(name);
  };
  /** What was there before is known only before. */
  const countFirst = async (device: string): Promise<void> => {
    if (device === GPU && !isOnGpu()) await gpuCheck?.loading();
  };
  const prepare = async ({ served, load: { device }, verify }: PageModel, signal: AbortSignal): Promise<void> => {
    preparing += 1;
    try {
      if (!loads.has(served.name)) await Promise.all([verify?.(signal), countFirst(device)]);
      signal.throwIfAborted();
      await window.ready().catch((cause: unknown) => {
        throw new Problem('model_load_failed', 'The page that computes could not be started.', { cause });
      });
      signal.throwIfAborted();
    } catch (error) {
      // What was counted for a load that does not begin says nothing of the next.
      if (device === GPU && preparing === 1 && !isOnGpu()) gpuCheck?.emptied();
      throw error;
    } finally {
      preparing -= 1;
    }
  };
  const load = async (model: PageModel, signal: AbortSignal, isTrial = false): Promise<void> => {
    const { served, load: request } = model;
    await prepare(model, signal);
    // What was allowed and possible may be another device now.
    if (loads.get(served.name)?.device !== request.device) leaveIfThere(served.name);
    const known = loads.get(served.name);
    if (known !== undefined) {
      // The last used stands last.
      loads.delete(served.name);
      loads.set(served.name, known);
      return known.promise;
    }
    if (!isTrial) makeRoom(model);
    const loading: Loading = {
      ...Promise.withResolvers<void>(),
      device: request.device,
      needBytes: needOf(model),
      dutyPercent: FULL_DUTY_PERCENT,
    };
    loads.set(served.name, loading);
    const limit = setTimeout(() => {
      if (loads.get(served.name) === loading) takeBack(served.name, stuckLoadProblem(served.name, loadLimitMs));
    }, loadLimitMs).unref();
    const arrived = (): void => clearTimeout(limit);
    loading.promise.then(arrived, arrived);
    window.order({ model: served.name, order: { type: 'load', ...request, allowSoftware } });
    tellDuty();
    return loading.promise;
  };
  const unloadAll = async (): Promise<void> => {
    emptied ??= Promise.withResolvers<void>();
    const { promise, resolve } = emptied;
    const timer = setTimeout(resolve, graceMs);
    for (const model of loads.keys()) window.order({ model, order: { type: 'unload' } });
    await promise;
    clearTimeout(timer);
  };

  return {
    load,
    isAllowed,
    has: (name) => loads.has(name),
    deviceOf: (name) => loads.get(name)?.device,
    isWarm: (name) => warm.has(name),
    names: () => [...loads.keys()],
    isEmpty: () => loads.size === 0,
    tellDuty,
    takeBack,
    enforce: () => {
      const { enabled, memory_bytes: cap } = rule();
      const leaving = enabled ? modelsToUnload(held(), 0, cap) : undefined;
      for (const name of leaving ?? [...loads.keys()]) takeBack(name);
      if (!enabled) window.end();
    },
    empty: async () => {
      if (loads.size > 0) await unloadAll();
      // What remains of a page that has unloaded its models is its GPU process's to keep; without the page it has none.
      window.end();
    },
    isEmptying: () => emptied !== undefined,
    loaded: (name) => {
      warm.add(name);
      loads.get(name)?.resolve();
      onChange();
    },
    unloaded: (name) => {
      const awaited = expected.get(name) ?? 0;
      if (awaited === 0) leave(name, emptied === undefined ? workerEnded(name) : takenBack());
      else expected.set(name, awaited - 1);
    },
    refused: (name, problem) => {
      loads.get(name)?.reject(problem);
      leave(name, workerEnded(name));
    },
    gone: (reason, name) => {
      if (name !== undefined) {
        expected.delete(name);
        leave(name, reason);
        return;
      }
      const wasOnGpu = isOnGpu();
      for (const loading of loads.values()) loading.reject(reason);
      loads.clear();
      if (wasOnGpu) gpuCheck?.emptied();
      expected.clear();
      warm.clear();
      jobs.endJobs(reason);
      tellEmptied();
      onChange();
    },
  };
}

function workerEnded(model: string): Problem {
  return new Problem('node_fault', `The worker of '${model}' has ended. Its jobs can run elsewhere.`);
}

/** What jobs are told whose owner wants the machine, or its memory. */
export function takenBack(): Problem {
  return new Problem('handed_back', 'The owner of this node has taken its machine back. Its jobs can run elsewhere.');
}
