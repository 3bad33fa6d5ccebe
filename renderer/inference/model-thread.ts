/**
 * One life of a web worker with one model in it.
 *
 * 1. `jobs` holds exactly the jobs that were posted and are not settled. When the worker ends, for whatever reason, all
 *    of them are rejected and `onEnd` is called, once; nothing that arrives later is listened to.
 * 2. Nothing is given out for a job after its signal was aborted or it has settled.
 * 3. A cancelled job settles when the worker confirms, which it does between two passes of its model, and without its word
 *    where a pass takes longer than whoever has hung up should wait. A worker that does not confirm within the grace is ended.
 * 4. One that has not loaded its model within the limit hangs, and is ended.
 * 5. A failed run ends its worker: onnxruntime-web remembers a failure and answers everything after it with the same.
 */
import { fromProblemRecord, Problem } from '../../shared/problems/problem.ts';
import { LOAD_LIMIT_MS, stuckLoadProblem } from '../../shared/runtimes/load-limit.ts';
import type { RuntimeJob, RuntimeOutput } from '../../shared/runtimes/runtime.ts';
import type { EngineResult } from '../../shared/runtimes/transformers/engine.ts';
import {
  createInterruptFlag,
  type FromWorker,
  type LoadRequest,
  type ToWorker,
} from '../../shared/runtimes/worker-protocol.ts';

export type ModelThreadOptions = {
  model: string;
  /** How long a cancelled job may keep its worker busy before the worker is ended. */
  cancelGraceMs?: number | undefined;
  /** A fault's inner error; never a job's content. */
  onFault(message: string, detail: string): void;
  onWarm(): void;
  onEnd(): void;
};

export type ModelThread = {
  /** Resolves once the model is in memory; rejects when the worker ends before. */
  loaded: Promise<void>;
  /** Takes jobs only once `loaded` has resolved. */
  run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult>;
  /** Ends the worker at once, and gives its memory back; running jobs are rejected with `reason`. */
  end(reason: Problem): void;
};

type Pending = {
  output: RuntimeOutput;
  signal: AbortSignal;
  /** Tells the worker to stop. */
  interrupt(): void;
  resolve(result: EngineResult): void;
  reject(reason: unknown): void;
};

type JobMessage = Exclude<FromWorker, { type: 'loaded' | 'problem' | 'threads' }>;

/** A piece of a prompt, a window of speech or a picture is one pass, which may take seconds. */
const CANCEL_SETTLES_MS = 50;
/** Others' answers of the same model would end with the worker; beyond this it hangs. */
const CANCEL_GRACE_MS = 5_000;

export function startModelThread(options: ModelThreadOptions, request: LoadRequest): ModelThread {
  const worker = new Worker(new URL('./inference-worker.ts', import.meta.url), { type: 'module' });
  const jobs = new Map<number, Pending>();
  /** The graces of cancelled jobs, settled or not, by which the worker has yet to stop. */
  const stopping = new Map<number, ReturnType<typeof setTimeout>>();
  const loading = Promise.withResolvers<void>();
  loading.promise.catch(() => undefined); // Nobody waits for a load whose worker ends between two jobs.
  let hasEnded = false;
  let nextId = 0;

  const post = (message: ToWorker): void => worker.postMessage(message);

  const loadLimit = setTimeout(() => {
    options.onFault(`The worker of '${options.model}' hangs while it loads its model.`, '');
    end(stuckLoadProblem(options.model, LOAD_LIMIT_MS));
  }, LOAD_LIMIT_MS);

  function end(reason: Problem): void {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(loadLimit);
    worker.terminate();
    options.onEnd();
    loading.reject(reason);
    for (const job of jobs.values()) job.reject(job.signal.aborted ? job.signal.reason : reason);
    jobs.clear();
    for (const grace of stopping.values()) clearTimeout(grace);
    stopping.clear();
  }

  function stopped(id: number): void {
    clearTimeout(stopping.get(id));
    stopping.delete(id);
  }

  function fail(message: Extract<FromWorker, { type: 'problem' }>): void {
    const problem = fromProblemRecord(message.problem);
    jobs.get(message.id ?? -1)?.reject(problem);
    if (message.fault !== null) options.onFault(problem.message, message.fault);
    if (message.fault !== null || message.id === null) end(message.id === null ? problem : crashed(options.model));
  }

  function deliver(message: FromWorker): void {
    if (message.type === 'loaded') {
      clearTimeout(loadLimit);
      options.onWarm();
      loading.resolve();
    } else if (message.type === 'problem') {
      stopped(message.id ?? -1);
      fail(message);
    } else if (message.type !== 'threads') {
      if (message.type === 'done' || message.type === 'cancelled') stopped(message.id);
      const job = jobs.get(message.id);
      if (job !== undefined) settle(message, job);
    }
  }

  worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
    if (!hasEnded) deliver(data);
  });
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    options.onFault(`The worker of '${options.model}' failed.`, event.message ?? '');
    end(crashed(options.model));
  });
  post({ type: 'load', ...request });

  async function run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult> {
    if (hasEnded) throw crashed(options.model);
    const id = nextId++;
    // Memory is shared only between a page that is isolated from all others and its workers.
    const flag = globalThis.crossOriginIsolated ? createInterruptFlag() : null;
    const { promise, resolve, reject } = Promise.withResolvers<EngineResult>();
    let settles: ReturnType<typeof setTimeout> | undefined;
    const interrupt = (): void => {
      flag?.raise();
      post({ type: 'cancel', id });
    };
    const cancel = (): void => {
      interrupt();
      stopping.set(
        id,
        setTimeout(() => end(crashed(options.model)), options.cancelGraceMs ?? CANCEL_GRACE_MS),
      );
      settles = setTimeout(() => reject(signal.reason), CANCEL_SETTLES_MS);
    };
    jobs.set(id, { output, signal, interrupt, resolve, reject });
    signal.addEventListener('abort', cancel, { once: true });
    post({ type: 'run', id, job, interrupt: flag?.buffer ?? null });
    try {
      return await promise;
    } finally {
      jobs.delete(id);
      clearTimeout(settles);
      signal.removeEventListener('abort', cancel);
    }
  }

  return { loaded: loading.promise, run, end };
}

function settle(message: JobMessage, job: Pending): void {
  if (message.type === 'done') {
    const { type: _, id: __, ...result } = message;
    job.resolve(result);
  } else if (message.type === 'cancelled') {
    job.reject(job.signal.reason);
  } else if (!job.signal.aborted) {
    try {
      giveOut(message, job.output);
    } catch (error) {
      // A receiver that throws fails its own job, as in Node.
      job.interrupt();
      job.reject(error);
    }
  }
}

function giveOut(
  message: Extract<FromWorker, { type: 'text' | 'tool_call' | 'vectors' }>,
  output: RuntimeOutput,
): void {
  if (message.type === 'text') output.text(message.text, message.tokens, message.more);
  else if (message.type === 'tool_call') output.toolCall(message.piece);
  else output.vectors(message.start, message.count, message.dimensions, message.values);
}

function crashed(model: string): Problem {
  return new Problem(
    'node_fault',
    `The worker that ran '${model}' ended while it worked. The next job gets a fresh one.`,
  );
}
