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

type PageJobsOptions = { window: Pick<ComputeHost, 'order' | 'end'>; graceMs: number; log: AgentLog };

/**
 * The jobs of what computes.
 *
 * Invariants: (1) `jobs` holds exactly the jobs that were sent and are not settled; (2) nothing is given out for a job after
 * its signal was aborted; (3) a job that does not stop within the grace costs what computes it its life.
 */
export function createPageJobs({ window, graceMs, log }: PageJobsOptions): PageJobs {
  const jobs = new Map<number, Pending>();
  let lastId = 0;
  return {
    busyModels: () => new Set([...jobs.values()].map(({ model }) => model)),
    run: async (model, job, output, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<PageResult>();
      lastId += 1;
      const id = lastId;
      let grace: NodeJS.Timeout | undefined;
      const cancel = (): void => {
        window.order({ model, order: { type: 'cancel', id } });
        grace = setTimeout(() => {
          log.error({ model }, 'a job did not stop in time; what computes it is ended');
          window.end(model);
        }, graceMs);
      };
      jobs.set(id, { model, output, signal, resolve, reject });
      signal.addEventListener('abort', cancel, { once: true });
      window.order({ model, order: { type: 'run', id, job, interrupt: null } });
      try {
        return await promise;
      } finally {
        clearTimeout(grace);
        signal.removeEventListener('abort', cancel);
        jobs.delete(id);
      }
    },
    said: ({ model, word }) => {
      const job = 'id' in word ? jobs.get(word.id ?? -1) : undefined;
      // A worker speaks for the jobs of its own model.
      if (job?.model === model) deliver(word as JobWord, job);
    },
    end: (reason, model) => {
      for (const job of jobs.values()) {
        if (model === undefined || job.model === model) job.reject(job.signal.aborted ? job.signal.reason : reason);
      }
    },
  };
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
