import type { RuntimeJob } from '../../../../shared/runtimes/runtime.ts';
import type { CaseAnswer, CaseRequest, Told } from './answer-cases.ts';

/** What a model is asked in every place where the engine runs, and what it must answer by a reckoning of its own. */
export type TaskCase = {
  readonly name: string;
  /** Of the case whose model it asks, too; its own otherwise. */
  readonly modelOf?: string;
  /** The pipeline, as transformers.js names it, or `rerank`. */
  readonly task: string;
  /** What the owner would name behind the model's id. */
  readonly loadedAs?: string;
  readonly write: (root: string, id: string) => Promise<string>;
  readonly job: () => Promise<JobOfCase> | JobOfCase;
  /** Throws unless the answer is right; numbers may be apart by `tolerance`. */
  readonly check: (answer: CaseAnswer, tolerance: number) => Promise<void> | void;
  /** Where more than a place's own tolerance is right, and why is said at the case. */
  readonly tolerance?: number;
};

type WithoutModel<Job> = Job extends RuntimeJob ? Omit<Job, 'model'> : never;
export type JobOfCase = WithoutModel<RuntimeJob>;

/**
 * Sums in another order differ in the last digits of float32. On a GPU single operations do, too: WGSL lets a division
 * be 2.5 units in the last place off, an exponential 3 and more by its argument, a sine by 2^-11.
 */
const TOLERANCE = {
  'Node on its processor': 1e-5,
  'Node on WebGPU': 1e-3,
  'Chromium on WebAssembly': 1e-5,
  'Chromium on WebGPU': 1e-3,
} as const;
export type Place = keyof typeof TOLERANCE;

export const modelOfCase = (one: TaskCase): string => `test/${one.modelOf ?? one.name}`;

/** What a place is asked. */
export async function requestOf(one: TaskCase): Promise<CaseRequest> {
  return { job: { ...(await one.job()), model: modelOfCase(one) } as RuntimeJob, loadedAs: one.loadedAs };
}

/** Throws unless a case was answered right in a place; there is none that cannot run all of them. */
export async function checkCase(one: TaskCase, place: Place, told: Told): Promise<void> {
  if ('refused' in told) throw new Error(`${one.name} fails on ${place}: ${told.refused}`);
  await one.check(told.answer, Math.max(one.tolerance ?? 0, TOLERANCE[place]));
}
