import type { Job, JobEvent } from '../../shared/api/jobs.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { Principal } from '../access/api-keys.ts';
import { hasEnded } from '../jobs/queue/job-state.ts';
import type { JobChange, QueuedJob } from '../store/queued-job-store.ts';
import type { FinishedJob, Store } from '../store/store.ts';

/** What is known of a job: of the queue, of its end, or both. */
export type KnownJob =
  | { queued: QueuedJob; finished: FinishedJob | undefined }
  | { queued: undefined; finished: FinishedJob };

/**
 * A job of this key, or of any for the operator; another's is as unknown as one that never was.
 * Errors: `job_not_found`.
 */
export async function findOwnJob(id: string, { kind, keyId }: Principal, store: Store): Promise<KnownJob> {
  // In this order: a job that ends in between is found by the second.
  const queued = await store.queuedJobs.findQueuedJob(id);
  const finished = queued !== undefined && !hasEnded(queued.state) ? undefined : await store.jobs.findJob(id);
  const owner = queued?.apiKeyId ?? finished?.apiKeyId;
  if (owner !== undefined && (kind === 'admin' || owner === keyId)) return { queued, finished } as KnownJob;
  throw new Problem('job_not_found', `There is no job "${id}" of this key that has ended or is in the queue.`, {
    param: 'id',
  });
}

export function viewOf({ queued, finished }: KnownJob): Job {
  if (queued === undefined) return { ...finished, queue: null };
  const { service, priority, deadline, maxAttempts, maxWaitMs, state } = queued;
  const queue = { service, priority, deadline, maxAttempts, maxWaitMs, resultKept: state === 'succeeded' };
  return { ...(finished ?? viewOfLive(queued)), queue };
}

function viewOfLive(job: QueuedJob): Omit<Job, 'queue'> {
  const { id, requestId, apiKeyId, type, model, state, createdAt, startedAt, finishedAt, attempts } = job;
  const rest = { stream: false, problem: null, usage: null, receipt: null };
  return { id, requestId, apiKeyId, type, model, state, createdAt, startedAt, finishedAt, attempts, ...rest };
}

/** Every change of the job so far; of one that was never in the queue, or is no more, its end alone. */
export function changesOf({ queued, finished }: KnownJob): readonly JobChange[] {
  if (queued !== undefined) return queued.changes;
  const { finishedAt: at, state, problem, attempts } = finished;
  const last = attempts.at(-1);
  // Its number is not known any more: whoever has seen an event of it has seen others, and this one is the last.
  const seq = Number.MAX_SAFE_INTEGER;
  return [{ seq, at, state, problem, nodeId: last?.nodeId ?? null, attempt: last?.attempt ?? null }];
}

export function eventOf(job: string, { seq, at, state, nodeId, attempt, problem }: JobChange): JobEvent {
  return { job, seq, at, state, node: nodeId, attempt, problem };
}
