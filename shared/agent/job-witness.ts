import type { ProblemCode } from '../problems/table.ts';
import type { Usage } from '../protocol/messages.ts';
import type { JobType } from '../protocol/subjects.ts';

/** A job as the node's owner may see it: nothing of its input. */
export type WitnessedJob = {
  readonly job: string;
  readonly attempt: number;
  readonly type: JobType;
  readonly model: string;
  /** The opaque id of the key that asked. */
  readonly client: string;
  readonly startedAt: number;
};

/** `outcome` is `done` or the problem it ended with; usage is known only of what is done. */
export type WitnessedEnd = {
  readonly outcome: 'done' | ProblemCode;
  readonly usage: Usage | undefined;
  readonly totalMs: number;
};

/** Told of each job that the node runs, for its host's window and ledger. Never throws. */
export type JobWitness = {
  began(job: WitnessedJob): void;
  produced(job: string, tokens: number): void;
  ended(job: WitnessedJob, end: WitnessedEnd): void;
};
