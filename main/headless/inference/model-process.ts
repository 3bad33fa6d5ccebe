/**
 * One life of a process with one model in it.
 *
 * 1. `jobs` holds exactly the jobs that were posted and are not settled. When the process ends, for whatever reason,
 *    all of them are rejected and `onEnd` is called, once; nothing that arrives later is listened to.
 * 2. Nothing is given out for a job after its signal was aborted or it has settled.
 * 3. A cancelled job settles when the process confirms, which it does between two passes of its model, and without its word
 *    where a pass takes longer than whoever has hung up should wait. A process that does not confirm within the grace is ended.
 * 4. One that has not loaded its model within the limit hangs, and is ended.
 * 5. It is ended at any moment, also while it loads or computes, and takes nothing with it but its own jobs. Only one that rests
 *    is given a moment to write down what it has compiled, which makes the next one start sooner.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { fromProblemRecord, Problem } from '../../../shared/problems/problem.ts';
import { LOAD_LIMIT_MS, stuckLoadProblem } from '../../../shared/runtimes/load-limit.ts';
import type { RuntimeJob, RuntimeOutput } from '../../../shared/runtimes/runtime.ts';
import { readThreadTrial, type ThreadTrial } from '../../../shared/runtimes/thread-trial.ts';
import type { EngineResult } from '../../../shared/runtimes/transformers/engine.ts';
import type { FromWorker, LoadRequest } from '../../../shared/runtimes/worker-protocol.ts';
import type { End } from './count-crashes.ts';
import { type SpawnedModel, spawnModel } from './spawn-model.ts';

export type ModelProcessOptions = {
  model: string;
  /** A fault's inner error; never a job's content. */
  onFault: (message: string, detail: string) => void;
  /** How long a cancelled job may keep its process busy before the process is ended. */
  cancelGraceMs: number;
  /** How long a load may take; ten minutes when absent. */
  loadLimitMs?: number;
  /** Added to the process's environment. */
  env?: Readonly<Record<string, string>>;
  entry?: URL;
};

export type ProcessEvents = {
  onWarm: () => void;
  /** It has measured on how many threads it is faster. */
  onThreadTrial?: ((trial: ThreadTrial) => void) | undefined;
  onEnd: (how: Exclude<End, 'keeps-crashing'>) => void;
};

export type ModelProcess = {
  /** Resolves once the model is in memory; rejects when the process ends before. */
  loaded: Promise<void>;
  /** Takes jobs only once `loaded` has resolved. */
  run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult>;
  /** From now on it computes at most so many per cent of the time. */
  limit(percent: number): void;
  /** Ends the process; running jobs are rejected with `reason`. Resolves when all that it held is free. */
  end(reason: Problem): Promise<void>;
};

type Pending = {
  output: RuntimeOutput;
  signal: AbortSignal;
  /** Tells the process to stop. */
  interrupt(): void;
  resolve(result: EngineResult): void;
  reject(reason: unknown): void;
};

type JobMessage = Exclude<FromWorker, { type: 'loaded' | 'threads' }>;

/** A window of speech or a picture is one pass, which may take seconds. */
const CANCEL_SETTLES_MS = 50;
/** Stopping as a whole has two seconds. */
const LEAVE_GRACE_MS = 500;
const ENTRY = new URL('./inference-process.ts', import.meta.url);

export function startModelProcess(
  options: ModelProcessOptions,
  request: LoadRequest,
  { onWarm, onThreadTrial, onEnd }: ProcessEvents,
): ModelProcess {
  const { model, env = {}, entry = ENTRY, onFault, cancelGraceMs, loadLimitMs = LOAD_LIMIT_MS } = options;
  const jobs = new Map<number, Pending>();
  /** The graces of cancelled jobs, settled or not, by which the process has yet to stop. */
  const stopping = new Map<number, NodeJS.Timeout>();
  const loading = Promise.withResolvers<void>();
  // Nobody waits for a load whose process ends between two jobs.
  loading.promise.catch(() => undefined);
  let isLoading = true;
  let ended: Promise<void> | null = null;
  let nextId = 0;
  const child = spawnModel({ model, entry, env, onWord: hear, onExit: (how) => crash(`ended by itself (${how})`) });
  const loadLimit = setTimeout(() => {
    crash('hangs while it loads its model', '', stuckLoadProblem(model, loadLimitMs));
  }, loadLimitMs).unref();

  function end(reason: Problem, how: Exclude<End, 'keeps-crashing'> = 'ended'): Promise<void> {
    ended ??= finish(reason, how);
    return ended;
  }

  function finish(reason: Problem, how: Exclude<End, 'keeps-crashing'>): Promise<void> {
    clearTimeout(loadLimit);
    onEnd(how);
    loading.reject(reason);
    for (const { signal, reject } of jobs.values()) reject(signal.aborted ? signal.reason : reason);
    const isResting = jobs.size + stopping.size === 0 && !isLoading && how === 'ended';
    jobs.clear();
    for (const grace of stopping.values()) clearTimeout(grace);
    return isResting ? leave(child) : child.kill();
  }

  function crash(what: string, detail = '', reason = crashProblem(model)): void {
    if (ended !== null) return;
    onFault(`The process of '${model}' ${what}.`, detail);
    void end(reason, 'crashed');
  }

  function hear(message: FromWorker): void {
    if (ended !== null) return;
    if (message.type === 'loaded') {
      isLoading = false;
      clearTimeout(loadLimit);
      onWarm();
      loading.resolve();
    } else if (message.type === 'threads') hearThreads(message);
    else if (message.type === 'problem' && message.id === null) fail(message);
    else {
      if (isLast(message)) stopped(message.id ?? -1);
      deliver(message, jobs, onFault);
      // Only a new process gives back what an allocator has taken, and finds a GPU anew; the others' jobs go elsewhere.
      if (endsProcess(message)) {
        jobs.delete(message.id ?? -1);
        void end(fromProblemRecord(message.problem));
      }
    }
  }

  /** It is shown to people, and its process runs code of others. */
  function hearThreads({ type: _, ...said }: Extract<FromWorker, { type: 'threads' }>): void {
    const trial = readThreadTrial(said);
    if (trial !== null) onThreadTrial?.(trial);
  }

  function stopped(id: number): void {
    clearTimeout(stopping.get(id));
    stopping.delete(id);
  }

  /** What is the fault of no job: its model cannot be loaded, or something went wrong later. */
  function fail({ problem, fault }: Extract<FromWorker, { type: 'problem' }>): void {
    if (isLoading && fault !== null) onFault(problem.detail, fault);
    if (isLoading) void end(fromProblemRecord(problem));
    else crash('failed', fault ?? '');
  }

  async function run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<EngineResult> {
    const id = nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<EngineResult>();
    let settles: NodeJS.Timeout | undefined;
    const interrupt = (): void => child.send({ type: 'cancel', id });
    const cancel = (): void => {
      interrupt();
      const giveUp = (): void => crash(`did not stop within ${cancelGraceMs} ms of a cancel`);
      stopping.set(id, setTimeout(giveUp, cancelGraceMs));
      settles = setTimeout(() => reject(signal.reason), CANCEL_SETTLES_MS);
    };
    jobs.set(id, { output, signal, interrupt, resolve, reject });
    signal.addEventListener('abort', cancel, { once: true });
    child.send({ type: 'run', id, job, interrupt: null });
    try {
      return await promise;
    } finally {
      jobs.delete(id);
      clearTimeout(settles);
      signal.removeEventListener('abort', cancel);
    }
  }

  child.send({ type: 'load', ...request });
  const limit = (percent: number): void => child.send({ type: 'duty', percent });
  return { loaded: loading.promise, run, limit, end };
}

async function leave(child: SpawnedModel): Promise<void> {
  child.send({ type: 'unload' });
  await Promise.race([child.gone, pause(LEAVE_GRACE_MS, undefined, { ref: false })]);
  await child.kill();
}

function crashProblem(model: string): Problem {
  return new Problem(
    'node_fault',
    `The process that ran '${model}' ended while it worked. The next job gets a fresh one.`,
  );
}

function endsProcess(message: JobMessage): message is Extract<JobMessage, { type: 'problem' }> {
  return message.type === 'problem' && ['node_out_of_memory', 'device_lost'].includes(message.problem.code);
}

/** Whether nothing of the job follows. */
function isLast({ type }: JobMessage): boolean {
  return type === 'done' || type === 'cancelled' || type === 'problem';
}

function deliver(message: JobMessage, jobs: Map<number, Pending>, onFault: ModelProcessOptions['onFault']): void {
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
    if (message.fault !== null) onFault(message.problem.detail, message.fault);
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
    // A receiver that throws fails its own job; uncaught here it would end the node.
    job.interrupt();
    job.reject(error);
  }
}
