import { endedBy } from '../../shared/cancellation/ended-by.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { RuntimeJob, RuntimeOutput } from '../../shared/runtimes/runtime.ts';
import type { EngineResult } from '../../shared/runtimes/transformers/engine.ts';
import type { LoadRequest } from '../../shared/runtimes/worker-protocol.ts';
import { type ModelThread, startModelThread } from './model-thread.ts';

export type ModelWorkerOptions = {
  model: string;
  request: LoadRequest;
  cancelGraceMs?: number | undefined;
  onFault(message: string, detail: string): void;
  /** The model is in memory, after so long. */
  onWarm(loadMs: number): void;
  onGone(): void;
};

export type ModelWorker = {
  /** Resolves once the model is in memory. */
  warmUp(): Promise<void>;
  run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult>;
  /** Gives the memory back; the next job loads the model again. */
  release(): void;
  close(): void;
};

/**
 * A model that outlives its workers.
 *
 * 1. At most one worker is alive. One that ended in the middle of its work is followed by another at once, one that was
 *    released by the next job.
 * 2. After `close` no worker starts.
 */
export function createModelWorker(options: ModelWorkerOptions): ModelWorker {
  let current: ModelThread | null = null;
  let isWarm = false;
  let isClosed = false;

  function thread(): ModelThread {
    if (isClosed) throw stopped(options.model);
    current ??= start();
    return current;
  }

  function start(): ModelThread {
    const { model, cancelGraceMs, onFault } = options;
    const beganAt = performance.now();
    const onWarm = (): void => {
      isWarm = true;
      options.onWarm(performance.now() - beganAt);
    };
    return startModelThread({ model, cancelGraceMs, onFault, onWarm, onEnd }, options.request);
  }

  function onEnd(): void {
    // A worker that could not even load its model would be followed by another for ever.
    const isToReplace = isWarm && !isClosed && current !== null;
    current = null;
    isWarm = false;
    options.onGone();
    if (isToReplace) queueMicrotask(() => isClosed || void thread());
  }

  function release(): void {
    const ending = current;
    current = null;
    ending?.end(stopped(options.model));
  }

  return {
    warmUp: () => thread().loaded,
    async run(job, output, signal) {
      signal.throwIfAborted();
      const ready = thread();
      await endedBy(signal, ready.loaded);
      return await ready.run(job, output, signal);
    },
    release,
    close() {
      isClosed = true;
      release();
    },
  };
}

function stopped(model: string): Problem {
  return new Problem('node_fault', `The node took '${model}' out of memory.`);
}
