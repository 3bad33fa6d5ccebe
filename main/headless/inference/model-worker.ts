/**
 * One model in a worker thread of its own, because onnxruntime-node blocks the thread it runs on.
 *
 * 1. At most one thread is alive; it starts with the first job and loads the model once.
 * 2. `jobs` holds exactly the jobs that were posted to the living thread and are not settled; when the thread ends
 *    for whatever reason they are all rejected with `node_fault`, and the next job starts a fresh thread.
 * 3. Nothing is passed on for a job after it has settled; messages of an earlier thread are not listened to.
 * 4. A cancelled job settles when the thread confirms. A thread that does not within the grace is terminated.
 */
import { Worker } from 'node:worker_threads';
import { fromProblemRecord, Problem } from '../../../shared/problems/problem.ts';
import type { RuntimeJob, RuntimeOutput } from '../../../shared/runtimes/runtime.ts';
import type { EngineResult } from '../../../shared/runtimes/transformers/engine.ts';
import {
  createInterruptFlag,
  type FromWorker,
  type LoadRequest,
  type ToWorker,
} from '../../../shared/runtimes/worker-protocol.ts';

export type ModelWorkerOptions = {
  model: string;
  /** Called for every fresh thread, so that files are checked before each load. */
  prepare: () => Promise<LoadRequest>;
  onState: (state: 'warm' | 'installed') => void;
  /** A fault's inner error; never a job's content. */
  onFault: (message: string, detail: string) => void;
  /** How long a cancelled job may keep its thread busy before the thread is ended. */
  cancelGraceMs: number;
  workerUrl?: URL;
};

export type ModelWorker = {
  /** Resolves once the model is in memory. */
  warmUp(): Promise<void>;
  run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult>;
  close(): Promise<void>;
};

type Pending = {
  output: RuntimeOutput;
  signal: AbortSignal;
  /** Tells the thread to stop. */
  interrupt(): void;
  resolve(result: EngineResult): void;
  reject(reason: unknown): void;
};

type JobMessage = Exclude<FromWorker, { type: 'loaded' }>;

type Thread = { worker: Worker; loaded: Promise<void>; end(reason: Problem): void; jobs: Map<number, Pending> };

const WORKER_URL = new URL('./inference-worker.ts', import.meta.url);

export function createModelWorker(options: ModelWorkerOptions): ModelWorker {
  let thread: Promise<Thread> | null = null;
  let nextId = 0;
  let closed = false;

  async function startThread(): Promise<Thread> {
    const request = await options.prepare();
    if (closed) throw closedProblem(options.model);
    return spawnThread(options, request, () => {
      thread = null;
    });
  }

  async function ready(): Promise<Thread> {
    if (closed) throw closedProblem(options.model);
    if (thread === null) {
      const starting = startThread();
      thread = starting;
      starting.catch(() => {
        if (thread === starting) thread = null;
      });
    }
    const current = await thread;
    await current.loaded;
    return current;
  }

  return {
    async warmUp() {
      await ready();
    },
    async run(job, output, signal) {
      signal.throwIfAborted();
      const current = await abortable(ready(), signal);
      signal.throwIfAborted();
      return await runOn(current, nextId++, job, output, signal, options);
    },
    async close() {
      closed = true;
      const current = await thread?.catch(() => null);
      current?.end(closedProblem(options.model));
      await current?.worker.terminate();
    },
  };
}

function closedProblem(model: string): Problem {
  return new Problem('node_fault', `The node is stopping and took '${model}' out of memory.`);
}

function spawnThread(options: ModelWorkerOptions, request: LoadRequest, onGone: () => void): Thread {
  const worker = new Worker(options.workerUrl ?? WORKER_URL);
  const jobs = new Map<number, Pending>();
  const loading = Promise.withResolvers<void>();
  // Nobody waits for a load whose thread ends between two jobs.
  loading.promise.catch(() => undefined);
  let gone = false;

  function end(reason: Problem): void {
    if (gone) return;
    gone = true;
    onGone();
    options.onState('installed');
    worker.removeAllListeners();
    // A terminated thread may still report an error; without a listener that would end the process.
    worker.on('error', () => undefined);
    void worker.terminate();
    loading.reject(reason);
    for (const job of jobs.values()) job.reject(job.signal.aborted ? job.signal.reason : reason);
    jobs.clear();
  }

  worker.on('message', (message: FromWorker) => {
    if (message.type === 'loaded') {
      options.onState('warm');
      loading.resolve();
    } else if (message.type === 'problem' && message.id === null) {
      if (message.fault !== null) options.onFault(message.problem.detail, message.fault);
      end(fromProblemRecord(message.problem));
    } else {
      deliver(message, jobs, options);
    }
  });
  worker.on('error', (error: Error) => {
    options.onFault(`The thread of '${options.model}' failed.`, error.stack ?? error.message);
    end(crashProblem(options.model));
  });
  worker.on('exit', () => end(crashProblem(options.model)));
  post(worker, { type: 'load', ...request });
  return { worker, loaded: loading.promise, end, jobs };
}

function crashProblem(model: string): Problem {
  return new Problem(
    'node_fault',
    `The thread that ran '${model}' ended while it worked. The next job gets a fresh one.`,
  );
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

function deliver(message: JobMessage, jobs: Thread['jobs'], options: ModelWorkerOptions): void {
  const job = jobs.get(message.id ?? -1);
  if (job === undefined) return;
  if (message.type === 'text' || message.type === 'vectors') {
    giveOut(message, job);
  } else if (message.type === 'done') {
    job.resolve({ finishReason: message.finishReason, usage: message.usage });
  } else if (message.type === 'cancelled') {
    job.reject(job.signal.reason);
  } else {
    if (message.fault !== null) options.onFault(message.problem.detail, message.fault);
    job.reject(fromProblemRecord(message.problem));
  }
}

function giveOut(message: Extract<JobMessage, { type: 'text' | 'vectors' }>, job: Pending): void {
  if (job.signal.aborted) return;
  try {
    if (message.type === 'text') job.output.text(message.text, message.tokens);
    else job.output.vectors(message.start, message.count, message.dimensions, message.values);
  } catch (error) {
    // A receiver that throws fails its own job; uncaught here it would end the process.
    job.interrupt();
    job.reject(error);
  }
}

function runOn(
  thread: Thread,
  id: number,
  job: RuntimeJob,
  output: RuntimeOutput,
  signal: AbortSignal,
  options: ModelWorkerOptions,
): Promise<EngineResult> {
  const flag = createInterruptFlag();
  const { promise, resolve, reject } = Promise.withResolvers<EngineResult>();
  let grace: NodeJS.Timeout | undefined;

  function interrupt(): void {
    flag.raise();
    post(thread.worker, { type: 'cancel', id });
  }

  function cancel(): void {
    interrupt();
    grace = setTimeout(() => {
      options.onFault(`'${options.model}' did not stop within ${options.cancelGraceMs} ms of a cancel.`, '');
      thread.end(crashProblem(options.model));
    }, options.cancelGraceMs);
  }

  thread.jobs.set(id, { output, signal, interrupt, resolve, reject });
  signal.addEventListener('abort', cancel, { once: true });
  post(thread.worker, { type: 'run', id, job, interrupt: flag.buffer });
  return promise.finally(() => {
    thread.jobs.delete(id);
    clearTimeout(grace);
    signal.removeEventListener('abort', cancel);
  });
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
