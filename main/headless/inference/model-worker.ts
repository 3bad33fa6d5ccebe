/**
 * One model in a process of its own: onnxruntime-node blocks the thread that it runs on, a crash in native code ends its
 * process, and what its allocators have taken only comes back with the end of that.
 *
 * 1. At most one process is heard; it starts with the first job and loads the model once.
 * 2. A process that ends takes its jobs with it; the next job starts a fresh one, less and less often while it keeps crashing.
 * 3. After `close` no process starts.
 * 4. A process is released, also while it loads, only while no job runs or waits for it; `restart` takes it from those that run.
 */
import { endedBy } from '../../../shared/cancellation/ended-by.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { FULL_DUTY_PERCENT } from '../../../shared/runtimes/duty.ts';
import type { RuntimeJob, RuntimeOutput } from '../../../shared/runtimes/runtime.ts';
import type { ThreadTrial } from '../../../shared/runtimes/thread-trial.ts';
import type { EngineResult } from '../../../shared/runtimes/transformers/engine.ts';
import type { LoadRequest } from '../../../shared/runtimes/worker-protocol.ts';
import { countCrashes } from './count-crashes.ts';
import { type DutyShare, FULL_DUTY } from './duty-share.ts';
import { type ModelProcess, type ModelProcessOptions, startModelProcess } from './model-process.ts';

export type ModelWorkerOptions = ModelProcessOptions & {
  /** Called for every fresh process, so that files are checked before each load. Rejects with the reason of the signal. */
  prepare: (signal: AbortSignal) => Promise<LoadRequest>;
  onState: (state: 'warm' | 'installed') => void;
  onThreadTrial?: (trial: ThreadTrial) => void;
  now?: () => number;
  /** How much of the time it may compute; all of it when absent. */
  duty?: DutyShare;
};

export type ModelWorker = {
  /** Resolves once the model is in memory, or had to leave it again: nobody needs it yet. */
  warmUp(): Promise<void>;
  run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult>;
  /** When the last job ended, or the model came to memory ahead of any, by the caller's clock; null while one runs and before. */
  idleSince(): number | null;
  /** Gives the memory back, unless somebody needs the model; the next job loads it again. */
  release(): Promise<void>;
  /** Ends the process, and its jobs with `reason`; the next job starts a fresh one. One that is being prepared goes on. */
  restart(reason: Problem): Promise<void>;
  close(): Promise<void>;
};

export function createModelWorker(options: ModelWorkerOptions): ModelWorker {
  let current: Promise<ModelProcess> | null = null;
  let alive: ModelProcess | null = null;
  let leaving: Promise<void> | undefined;
  /** There while a process is prepared, and not started. */
  let preparing: AbortController | undefined;
  let closed = false;
  let inUse = 0;
  let usedAt: number | null = null;
  const now = options.now ?? (() => performance.now());
  const crashes = countCrashes(now);
  const { duty = FULL_DUTY } = options;
  let limitedTo = FULL_DUTY_PERCENT;
  const tellDuty = (): void => {
    const percent = duty.percent();
    if (alive === null || percent === limitedTo) return;
    limitedTo = percent;
    alive.limit(percent);
  };
  duty.onChange(tellDuty);

  async function startProcess(): Promise<ModelProcess> {
    if (crashes.isTooSoon()) throw crashingProblem(options.model);
    const own = new AbortController();
    preparing = own;
    const request = await options.prepare(own.signal).finally(() => {
      if (preparing === own) preparing = undefined;
    });
    own.signal.throwIfAborted();
    const openedAt = now();
    limitedTo = FULL_DUTY_PERCENT;
    alive = startModelProcess(options, request, {
      onWarm: () => options.onState('warm'),
      onThreadTrial: options.onThreadTrial,
      onEnd(how) {
        if (how === 'crashed') crashes.add(openedAt);
        current = null;
        alive = null;
        options.onState('installed');
      },
    });
    tellDuty();
    return alive;
  }

  async function ready(): Promise<ModelProcess> {
    if (closed) throw closedProblem(options.model);
    if (current === null) {
      const starting = startProcess();
      current = starting;
      starting.catch(() => {
        if (current === starting) current = null;
      });
    }
    const holder = await current;
    await holder.loaded;
    return holder;
  }

  async function using<Value>(work: () => Promise<Value>): Promise<Value> {
    inUse += 1;
    try {
      return await work();
    } finally {
      inUse -= 1;
      usedAt = now();
    }
  }

  const released = releasedProblem(options.model);

  return {
    warmUp: async () => {
      try {
        await ready();
      } catch (error) {
        if (error !== released) throw error;
      } finally {
        usedAt = now();
      }
    },
    run: (job, output, signal) =>
      using(async () => {
        signal.throwIfAborted();
        const holder = await endedBy(signal, ready());
        signal.throwIfAborted();
        return await duty.during(options.model, () => holder.run(job, output, signal));
      }),
    idleSince: () => (inUse === 0 ? usedAt : null),
    async release() {
      if (inUse > 0 || current === null) return;
      if (preparing !== undefined) {
        // Whoever comes meanwhile begins anew.
        current = null;
        preparing.abort(released);
        return;
      }
      const holder = await current.catch(() => null);
      if (inUse > 0) return;
      leaving = holder?.end(released);
      await leaving;
    },
    restart: async (reason) => {
      await alive?.end(reason);
    },
    async close() {
      closed = true;
      preparing?.abort(closedProblem(options.model));
      const holder = await current?.catch(() => null);
      await Promise.all([holder?.end(closedProblem(options.model)), leaving]);
    },
  };
}

function releasedProblem(model: string): Problem {
  return new Problem('node_fault', `The node took '${model}' out of memory, since nobody had asked it for long.`);
}

function crashingProblem(model: string): Problem {
  return new Problem('model_load_failed', `The process of '${model}' keeps crashing. Ask again later.`);
}

function closedProblem(model: string): Problem {
  return new Problem('node_fault', `The node is stopping and took '${model}' out of memory.`);
}
