/**
 * One life of a worker thread with one model in it.
 *
 * 1. `jobs` holds exactly the jobs that were posted and are not settled. When the thread ends, for whatever reason,
 *    all of them are rejected and `onEnd` is called, once; nothing that arrives later is listened to.
 * 2. Nothing is given out for a job after its signal was aborted or it has settled.
 * 3. A cancelled job settles when the thread confirms. A thread that does not within the grace is ended.
 * 4. A thread is never ended in the middle of loading: onnxruntime would report to a thread that is gone, which ends the
 *    whole process. It goes on until its first word, and the process with it; nobody waits for that longer than a second.
 */
import { setTimeout as pause } from 'node:timers/promises';
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

export type ModelThreadOptions = {
  model: string;
  /** A fault's inner error; never a job's content. */
  onFault: (message: string, detail: string) => void;
  /** How long a cancelled job may keep its thread busy before the thread is ended. */
  cancelGraceMs: number;
  workerUrl?: URL;
};

export type ThreadEvents = { onWarm: () => void; onEnd: () => void };

export type ModelThread = {
  /** Resolves once the model is in memory; rejects when the thread ends before. */
  loaded: Promise<void>;
  /** Takes jobs only once `loaded` has resolved. */
  run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult>;
  /** Ends the thread; running jobs are rejected with `reason`. */
  end(reason: Problem): Promise<void>;
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

/** Stopping as a whole has two seconds, and seldom meets a model that is being loaded. */
const LOAD_GRACE_MS = 1_000;
/** One pass of a model of today, with room. */
const STEP_GRACE_MS = 1_000;
const WORKER_URL = new URL('./inference-worker.ts', import.meta.url);

export function startModelThread(
  options: ModelThreadOptions,
  request: LoadRequest,
  { onWarm, onEnd }: ThreadEvents,
): ModelThread {
  const worker = new Worker(options.workerUrl ?? WORKER_URL);
  const jobs = new Map<number, Pending>();
  const loading = Promise.withResolvers<void>();
  // Nobody waits for a load whose thread ends between two jobs.
  loading.promise.catch(() => undefined);
  let isLoading = true;
  let isGone = false;
  let ended: Promise<void> | null = null;
  let nextId = 0;

  function end(reason: Problem): Promise<void> {
    ended ??= finish(reason);
    return ended;
  }

  async function finish(reason: Problem): Promise<void> {
    onEnd();
    // Not all listeners of all events: a worker that has lost its own hears no message any more.
    for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
    // A terminated thread may still report an error; without a listener that would end the process.
    worker.on('error', () => undefined);
    loading.reject(reason);
    const running = new Set(jobs.keys());
    for (const job of jobs.values()) {
      job.interrupt();
      job.reject(job.signal.aborted ? job.signal.reason : reason);
    }
    jobs.clear();
    if (isLoading)
      await Promise.race([
        firstWordOf(worker).then(() => worker.terminate()),
        pause(LOAD_GRACE_MS, undefined, { ref: false }),
      ]);
    else {
      // A thread that is ended within ONNX Runtime takes the process with it; between two steps it does not.
      if (!isGone) await Promise.race([lastWordsOf(worker, running), pause(STEP_GRACE_MS, undefined, { ref: false })]);
      await worker.terminate();
    }
  }

  worker.on('message', (message: FromWorker) => {
    isLoading = false; // Its first word says how that went.
    if (message.type === 'loaded') {
      onWarm();
      loading.resolve();
    } else if (message.type === 'problem' && message.id === null) {
      if (message.fault !== null) options.onFault(message.problem.detail, message.fault);
      void end(fromProblemRecord(message.problem));
    } else {
      deliver(message, jobs, options);
      // Only a new thread gives back what an allocator has taken; the others' jobs go elsewhere.
      if (isOutOfMemory(message)) {
        jobs.delete(message.id ?? -1);
        void end(fromProblemRecord(message.problem));
      }
    }
  });
  worker.on('error', (error: Error) => {
    isLoading = false;
    options.onFault(`The thread of '${options.model}' failed.`, error.stack ?? error.message);
    void end(crashProblem(options.model));
  });
  worker.on('exit', () => {
    isLoading = false;
    isGone = true;
    void end(crashProblem(options.model));
  });
  post(worker, { type: 'load', ...request });

  async function run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult> {
    const id = nextId++;
    const flag = createInterruptFlag();
    const { promise, resolve, reject } = Promise.withResolvers<EngineResult>();
    let grace: NodeJS.Timeout | undefined;

    function interrupt(): void {
      flag.raise();
      post(worker, { type: 'cancel', id });
    }

    function cancel(): void {
      interrupt();
      grace = setTimeout(() => {
        options.onFault(`'${options.model}' did not stop within ${options.cancelGraceMs} ms of a cancel.`, '');
        void end(crashProblem(options.model));
      }, options.cancelGraceMs);
    }

    jobs.set(id, { output, signal, interrupt, resolve, reject });
    signal.addEventListener('abort', cancel, { once: true });
    post(worker, { type: 'run', id, job, interrupt: flag.buffer });
    try {
      return await promise;
    } finally {
      jobs.delete(id);
      clearTimeout(grace);
      signal.removeEventListener('abort', cancel);
    }
  }

  return { loaded: loading.promise, run, end };
}

/** Resolves with the thread's first message or its end. */
function firstWordOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('message', () => resolve());
    worker.once('exit', () => resolve());
  });
}

/** Resolves when the thread has said how each of these jobs went, or has ended. */
function lastWordsOf(worker: Worker, jobs: Set<number>): Promise<void> {
  if (jobs.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'done' || message.type === 'cancelled' || message.type === 'problem') {
        jobs.delete(message.id ?? -1);
      }
      if (jobs.size === 0) resolve();
    });
    worker.once('exit', () => resolve());
  });
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

function crashProblem(model: string): Problem {
  return new Problem(
    'node_fault',
    `The thread that ran '${model}' ended while it worked. The next job gets a fresh one.`,
  );
}

function isOutOfMemory(message: JobMessage): message is Extract<JobMessage, { type: 'problem' }> {
  return message.type === 'problem' && message.problem.code === 'node_out_of_memory';
}

function deliver(message: JobMessage, jobs: Map<number, Pending>, options: ModelThreadOptions): void {
  const job = jobs.get(message.id ?? -1);
  if (job === undefined) return;
  if (message.type === 'text' || message.type === 'tool_call' || message.type === 'vectors') {
    giveOut(message, job);
  } else if (message.type === 'done') {
    const { type: _, id: __, ...result } = message;
    job.resolve(result);
  } else if (message.type === 'cancelled') {
    job.reject(job.signal.reason);
  } else {
    if (message.fault !== null) options.onFault(message.problem.detail, message.fault);
    job.reject(fromProblemRecord(message.problem));
  }
}

function giveOut(message: Extract<JobMessage, { type: 'text' | 'tool_call' | 'vectors' }>, job: Pending): void {
  if (job.signal.aborted) return;
  try {
    if (message.type === 'text') job.output.text(message.text, message.tokens, message.more);
    else if (message.type === 'tool_call') job.output.toolCall(message.piece);
    else job.output.vectors(message.start, message.count, message.dimensions, message.values);
  } catch (error) {
    // A receiver that throws fails its own job; uncaught here it would end the process.
    job.interrupt();
    job.reject(error);
  }
}
