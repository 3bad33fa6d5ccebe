import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import type { AnswerSink } from '../../jobs/attempt.ts';
import type { JobSpec } from '../../jobs/job.ts';

/** Gathers what a node says into the body that a route answers with, whether its client waits or comes back for it. */
export type WholeAnswer = {
  readonly sink: AnswerSink;
  /** The body, once the last frame is there. */
  of(done: DoneFrame): object;
};

/** What a body says of the job that it is the answer of. */
export type AnsweredJob = Pick<JobSpec, 'id' | 'model'>;
