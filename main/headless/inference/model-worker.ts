/**
 * One model in a worker thread of its own, because onnxruntime-node blocks the thread it runs on.
 *
 * 1. At most one thread is alive; it starts with the first job and loads the model once.
 * 2. A thread that ends takes its jobs with it; the next job starts a fresh one.
 * 3. After `close` no thread starts.
 * 4. A thread is released only while no job runs or waits for it; `restart` takes it from those that run.
 */
import { Problem } from '../../../shared/problems/problem.ts';
import type { RuntimeJob, RuntimeOutput } from '../../../shared/runtimes/runtime.ts';
import type { EngineResult } from '../../../shared/runtimes/transformers/engine.ts';
import type { LoadRequest } from '../../../shared/runtimes/worker-protocol.ts';
import { type ModelThread, type ModelThreadOptions, startModelThread } from './model-thread.ts';

export type ModelWorkerOptions = ModelThreadOptions & {
  /** Called for every fresh thread, so that files are checked before each load. */
  prepare: () => Promise<LoadRequest>;
  onState: (state: 'warm' | 'installed') => void;
  now?: () => number;
};

export type ModelWorker = {
  /** Resolves once the model is in memory. */
  warmUp(): Promise<void>;
  run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult>;
  /** When the last job ended, by the caller's clock; null while one runs and before the first. */
  idleSince(): number | null;
  /** Gives the memory back, unless somebody needs the model; the next job loads it again. */
  release(): Promise<void>;
  /** Ends the thread, and its jobs with `reason`; the next job starts a fresh one. One that is being prepared goes on. */
  restart(reason: Problem): Promise<void>;
  close(): Promise<void>;
};

export function createModelWorker(options: ModelWorkerOptions): ModelWorker {
  let current: Promise<ModelThread> | null = null;
  let alive: ModelThread | null = null;
  let closed = false;
  let inUse = 0;
  let usedAt: number | null = null;
  const now = options.now ?? (() => performance.now());

  async function startThread(): Promise<ModelThread> {
    const request = await options.prepare();
    if (closed) throw closedProblem(options.model);
    alive = startModelThread(options, request, {
      onWarm: () => options.onState('warm'),
      onEnd() {
        current = null;
        alive = null;
        options.onState('installed');
      },
    });
    return alive;
  }

  async function ready(): Promise<ModelThread> {
    if (closed) throw closedProblem(options.model);
    if (current === null) {
      const starting = startThread();
      current = starting;
      starting.catch(() => {
        if (current === starting) current = null;
      });
    }
    const thread = await current;
    await thread.loaded;
    return thread;
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

  return {
    warmUp: () => using(async () => void (await ready())),
    run: (job, output, signal) =>
      using(async () => {
        signal.throwIfAborted();
        const thread = await abortable(ready(), signal);
        signal.throwIfAborted();
        return await thread.run(job, output, signal);
      }),
    idleSince: () => (inUse === 0 ? usedAt : null),
    async release() {
      if (inUse > 0 || current === null) return;
      const thread = await current.catch(() => null);
      if (inUse === 0) await thread?.end(releasedProblem(options.model));
    },
    restart: async (reason) => {
      await alive?.end(reason);
    },
    async close() {
      closed = true;
      const thread = await current?.catch(() => null);
      await thread?.end(closedProblem(options.model));
    },
  };
}

function releasedProblem(model: string): Problem {
  return new Problem('node_fault', `The node took '${model}' out of memory, since nobody had asked it for long.`);
}

function closedProblem(model: string): Problem {
  return new Problem('node_fault', `The node is stopping and took '${model}' out of memory.`);
}

/** Waits for `promise`, but no longer than until `signal` is aborted. */
async function abortable<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
