/**
 * One model in a worker thread of its own, because onnxruntime-node blocks the thread it runs on.
 *
 * 1. At most one thread is alive; it starts with the first job and loads the model once.
 * 2. A thread that ends takes its jobs with it; the next job starts a fresh one.
 * 3. After `close` no thread starts.
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
};

export type ModelWorker = {
  /** Resolves once the model is in memory. */
  warmUp(): Promise<void>;
  run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult>;
  close(): Promise<void>;
};

export function createModelWorker(options: ModelWorkerOptions): ModelWorker {
  let current: Promise<ModelThread> | null = null;
  let closed = false;

  async function startThread(): Promise<ModelThread> {
    const request = await options.prepare();
    if (closed) throw closedProblem(options.model);
    return startModelThread(options, request, {
      onWarm: () => options.onState('warm'),
      onEnd() {
        current = null;
        options.onState('installed');
      },
    });
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

  return {
    async warmUp() {
      await ready();
    },
    async run(job, output, signal) {
      signal.throwIfAborted();
      const thread = await abortable(ready(), signal);
      signal.throwIfAborted();
      return await thread.run(job, output, signal);
    },
    async close() {
      closed = true;
      const thread = await current?.catch(() => null);
      await thread?.end(closedProblem(options.model));
    },
  };
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
