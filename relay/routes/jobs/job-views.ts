import type { Job, JobEvent, JobWait } from '../../../shared/api/jobs.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { Principal } from '../../access/api-keys.ts';
import type { JobNow } from '../../jobs/jobs-in-hand.ts';
import { hasEnded, type JobState } from '../../jobs/queue/job-state.ts';
import type { RelayServices } from '../../services.ts';
import type { JobChange, QueuedJob, QueuedJobStore } from '../../store/queued-job-store.ts';
import type { FinishedJob } from '../../store/store.ts';

const RETRY_AFTER_MS = 1_000;

/** What is known of a job: of the queue, of its end, or both; or as it is in hand, while the store does not know it. */
export type KnownJob =
  | { queued: QueuedJob; finished: FinishedJob | undefined; waits: JobWait | null }
  | { queued: undefined; finished: FinishedJob | JobNow };

/**
 * A job of this key, or of any for the operator; another's is as unknown as one that never was.
 * Errors: `job_not_found`.
 */
export async function findOwnJob(
  id: string,
  { kind, keyId }: Principal,
  { store, jobs, queue }: Pick<RelayServices, 'store' | 'jobs' | 'queue'>,
): Promise<KnownJob> {
  // In this order: a job that ends, or is written down, in between is found by the one after.
  const inHand = jobs.find(id);
  if (inHand !== undefined && hasEnded(inHand.state)) await jobs.whenWritten(id);
  const running = inHand === undefined || hasEnded(inHand.state) ? undefined : inHand;
  const queued = running === undefined ? await store.queuedJobs.findQueuedJob(id) : undefined;
  const isLive = queued !== undefined && !hasEnded(queued.state);
  // What the storage refuses is kept in hand.
  const finished = isLive ? undefined : (running ?? (await store.jobs.findJob(id)) ?? jobs.find(id));
  const owner = queued?.apiKeyId ?? finished?.apiKeyId;
  if (owner !== undefined && (kind === 'admin' || owner === keyId))
    return { queued, finished, waits: queued === undefined ? null : queue.whyWaits(id) } as KnownJob;
  throw new Problem('job_not_found', `There is no job "${id}" of this key.`, {
    param: 'id',
  });
}

export function stateOf({ queued, finished }: KnownJob): JobState {
  return queued?.state ?? finished?.state ?? 'queued';
}

/** What is asked for is there when the job has ended. */
export function unfinished(state: JobState): Problem {
  return new Problem('job_unfinished', `The job is ${state}. Ask again, or follow it at /v1/jobs/{id}/events.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/** A job of the queue, and its result as JSON where it has one. */
export async function findWithResult(
  id: string,
  store: Pick<QueuedJobStore, 'findQueuedJob' | 'resultOf'>,
): Promise<{ job: QueuedJob; result: string | undefined } | undefined> {
  const job = await store.findQueuedJob(id);
  // Never side by side: of two answers the one that was asked for first may tell of the later moment.
  return job && { job, result: hasEnded(job.state) ? await store.resultOf(id) : undefined };
}

export function viewOf(known: KnownJob): Job {
  const { queued, finished } = known;
  if (queued === undefined) return { ...finished, queue: null };
  const { service, priority, deadline, maxAttempts, maxWaitMs, state } = queued;
  const queue = {
    service,
    priority,
    deadline,
    maxAttempts,
    maxWaitMs,
    waits: known.waits,
    resultKept: state === 'succeeded',
  };
  return { ...(finished ?? viewOfLive(queued)), queue };
}

function viewOfLive(job: QueuedJob): Omit<Job, 'queue'> {
  const { id, requestId, apiKeyId, type, model, state, createdAt, startedAt, finishedAt, attempts } = job;
  const rest = { stream: false, problem: null, usage: null, receipt: null };
  return { id, requestId, apiKeyId, type, model, state, createdAt, startedAt, finishedAt, attempts, ...rest };
}

/** Every change of the job so far; of one that was never in the queue, or is no more, its state alone. */
export function changesOf({ queued, finished }: KnownJob): readonly JobChange[] {
  if (queued !== undefined) return queued.changes;
  const { createdAt, startedAt, finishedAt, state, problem, attempts } = finished;
  const last = attempts.at(-1);
  const at = finishedAt ?? startedAt ?? createdAt;
  const attempt = last?.attempt ?? null;
  if (!hasEnded(state))
    return [{ seq: state === 'queued' ? 1 : 2, at, state, problem, nodeId: last?.nodeId ?? null, attempt }];
  // Its number is not known any more: whoever has seen an event of it has seen others, and this one is the last.
  const seq = Number.MAX_SAFE_INTEGER;
  return [{ seq, at, state, problem, nodeId: last?.nodeId ?? null, attempt }];
}

export function eventOf(job: string, { seq, at, state, nodeId, attempt, problem }: JobChange): JobEvent {
  return { job, seq, at, state, node: nodeId, attempt, problem };
}
