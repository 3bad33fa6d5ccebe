import { Problem } from '../../../shared/problems/problem.ts';
import { keyReused, type Repeatable, stillInFlight } from '../../repeats/repeatable.ts';
import type { QueuedJob, QueuedJobStore, QueuedOrder } from '../../store/queued-job-store.ts';
import type { JobState } from './job-state.ts';
import type { QueueLimits } from './queue-limits.ts';

export type Accepted = { job: QueuedJob /** False for the job of an earlier, equal request. */; isNew: boolean };

export type Admission = {
  /**
   * The job of an earlier, equal request; undefined for one that is new or has no idempotency key. Errors:
   * `idempotency_key_reused`.
   */
  earlier(request: Repeatable): Promise<QueuedJob | undefined>;
  /**
   * Writes a job down; resolves when it is on the disk. Errors: `queue_full`, `idempotency_in_flight`,
   * `idempotency_key_reused`.
   */
  accept(order: QueuedOrder, input: string, state: JobState): Promise<Accepted>;
  /** Takes a job into account that is here already. */
  add(job: QueuedJob): void;
  /** An ended job makes room. */
  remove(job: QueuedJob): void;
};

/** At what rate a full queue empties nobody knows; a client that comes back this late does not load the relay. */
const RETRY_AFTER_MS = 5_000;

/**
 * Lets jobs into the queue.
 *
 * Invariants: (1) the counts are those of the jobs that are here and of those being written; (2) of two requests with
 * the same idempotency key one writes, and the other hears of it or gets what the first got; (3) a request that is
 * repeated is answered also by a full queue.
 */
export function createAdmission(store: QueuedJobStore, limits: QueueLimits): Admission {
  const inFlight = new Set<string>();
  const jobsOf = new Map<string, number>();
  let jobs = 0;
  let bytes = 0;

  const count = ({ apiKeyId, inputBytes }: QueuedOrder, by: 1 | -1): void => {
    const own = (jobsOf.get(apiKeyId) ?? 0) + by;
    if (own === 0) jobsOf.delete(apiKeyId);
    else jobsOf.set(apiKeyId, own);
    jobs += by;
    bytes += by * inputBytes;
  };
  const assertRoom = ({ apiKeyId, inputBytes }: QueuedOrder): void => {
    const own = jobsOf.get(apiKeyId) ?? 0;
    if (own >= limits.mostJobsPerKey) throw queueFull(`${own} jobs of this key are in the queue already`);
    if (jobs >= limits.mostJobs) throw queueFull(`${jobs} jobs are in the queue already`);
    if (bytes + inputBytes > limits.mostInputBytes) throw queueFull(`The ${jobs} jobs in the queue fill its storage`);
  };
  const write = async (order: QueuedOrder, input: string, state: JobState): Promise<Accepted> => {
    assertRoom(order);
    count(order, 1);
    try {
      const accepted = await store.acceptJob(order, input, state);
      if (!accepted.isNew) count(order, -1);
      return accepted;
    } catch (error) {
      count(order, -1);
      throw error;
    }
  };
  const earlier = async ({ apiKeyId, idempotencyKey, requestHash }: Repeatable): Promise<QueuedJob | undefined> => {
    if (idempotencyKey === null) return undefined;
    const job = await store.findByIdempotencyKey(apiKeyId, idempotencyKey);
    if (job !== undefined && job.requestHash !== requestHash) throw keyReused(`whose job is ${job.id}`);
    return job;
  };
  return {
    earlier,
    add: (job) => count(job, 1),
    remove: (job) => count(job, -1),
    accept: async (order, input, state) => {
      const { apiKeyId, idempotencyKey } = order;
      if (idempotencyKey === null) return write(order, input, state);
      const name = `${apiKeyId} ${idempotencyKey}`;
      if (inFlight.has(name)) throw stillInFlight();
      inFlight.add(name);
      try {
        const job = await earlier(order);
        return job === undefined ? await write(order, input, state) : { job, isNew: false };
      } finally {
        inFlight.delete(name);
      }
    },
  };
}

function queueFull(what: string): Problem {
  return new Problem('queue_full', `${what}. Try again when some of them have ended.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
