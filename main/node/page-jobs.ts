import type { AgentLog } from '../../shared/agent/log.ts';
import type { ComputeWord } from '../../shared/ipc/compute-contract.ts';
import { fromProblemRecord } from '../../shared/problems/problem.ts';
import type { RuntimeJob, RuntimeOutput, RuntimeResult } from '../../shared/runtimes/runtime.ts';
import type { ComputeHost } from './page-model.ts';

/** What a page answers; it does not know what ran on what. */
export type PageResult = Omit<RuntimeResult, 'execution'>;

export type PageJobs = {
  /** The models that jobs run on. */
  busyModels(): ReadonlySet<string>;
  run(model: string, job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<PageResult>;
  said(word: ComputeWord): void;
  /** Ends the jobs of a model, or all: one that was aborted with its own reason. */
  end(reason: unknown, model?: string): void;
};

type Pending = {
  model: string;
  output: RuntimeOutput;
  signal: AbortSignal;
  resolve(result: PageResult): void;
  reject(reason: unknown): void;
};

type PageJobsOptions = {
  window: Pick<ComputeHost, 'order'>;
  /** Ends the worker or process of a model, and what else it was asked. */
  endModel(model: string): void;
  graceMs: number;
  log: AgentLog;
};

/** A piece of a prompt or a picture is one pass, which may take seconds. */
const CANCEL_SETTLES_MS = 50;

/**
 * The jobs of what computes.
 *
 * Invariants: (1) `jobs` holds exactly the jobs that were sent and are not settled; (2) nothing is given out for a job after
 * its signal was aborted; (3) one that was cancelled settles without its worker's word where a pass takes longer than whoever
 * has hung up should wait; (4) a job that does not stop within the grace costs its model the worker or process that it is in,
 * and no other model anything.
 */
export function createPageJobs({ window, endModel, graceMs, log }: PageJobsOptions): PageJobs {
  const jobs = new Map<number, Pending>();
  /** Cancelled jobs, settled or not, that have yet to stop. */
  const stopping = new Map<number, { model: string; grace: NodeJS.Timeout }>();
  let lastId = 0;
  const stopped = (id: number): void => {
    clearTimeout(stopping.get(id)?.grace);
    stopping.delete(id);
  };
  const giveUp = (model: string): void => {
    log.error({ model }, 'a job did not stop in time; what computes it is ended');
    endModel(model);
  };
  return {
    busyModels: () => new Set([...jobs.values()].map(({ model }) => model)),
    run: async (model, job, output, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<PageResult>();
      lastId += 1;
      const id = lastId;
      let settles: NodeJS.Timeout | undefined;
      const cancel = (): void => {
        window.order({ model, order: { type: 'cancel', id } });
        stopping.set(id, { model, grace: setTimeout(() => giveUp(model), graceMs) });
        settles = setTimeout(() => reject(signal.reason), CANCEL_SETTLES_MS);
      };
      jobs.set(id, { model, output, signal, resolve, reject });
      signal.addEventListener('abort', cancel, { once: true });
      window.order({ model, order: { type: 'run', id, job, interrupt: null } });
      try {
        return await promise;
      } finally {
        clearTimeout(settles);
        signal.removeEventListener('abort', cancel);
        jobs.delete(id);
      }
    },
    said: ({ model, word }) => {
      if (!('id' in word)) return;
      const id = word.id ?? -1;
      const job = jobs.get(id);
      // A worker speaks for the jobs of its own model.
      if (isLast(word) && stopping.get(id)?.model === model) stopped(id);
      if (job?.model === model) deliver(word as JobWord, job);
    },
    end: (reason, model) => {
      for (const [id, one] of stopping) if (model === undefined || one.model === model) stopped(id);
      for (const job of jobs.values()) {
        if (model === undefined || job.model === model) job.reject(job.signal.aborted ? job.signal.reason : reason);
      }
    },
  };
}

function isLast({ type }: ComputeWord['word']): boolean {
  return type === 'done' || type === 'cancelled' || type === 'problem';
}

type JobWord = Exclude<ComputeWord['word'], { type: 'loaded' | 'unloaded' | 'threads' }>;

function deliver(word: JobWord, job: Pending): void {
  if (word.type === 'done') {
    const { type: _, id: __, ...result } = word;
    job.resolve(result);
  } else if (word.type === 'cancelled') job.reject(job.signal.reason);
  else if (word.type === 'problem') job.reject(fromProblemRecord(word.problem));
  else if (!job.signal.aborted) {
    try {
      giveOut(word, job.output);
    } catch (error) {
      job.reject(error);
    }
  }
}

function giveOut(word: Extract<JobWord, { type: 'text' | 'tool_call' | 'vectors' }>, output: RuntimeOutput): void {
  if (word.type === 'text') output.text(word.text, word.tokens, word.more);
  else if (word.type === 'tool_call') output.toolCall(word.piece);
  else if (!(word.values instanceof Float32Array)) throw new TypeError('The page gave vectors that are none.');
  else output.vectors(word.start, word.count, word.dimensions, word.values);
}
