import { setTimeout as sleep } from 'node:timers/promises';
import { Problem, toProblemRecord } from '../../shared/problems/problem.ts';
import type { ProblemRecord } from '../../shared/problems/problem-record.ts';
import type { ProblemCode } from '../../shared/problems/table.ts';
import type { Principal } from '../access/api-keys.ts';
import type { FileDepot } from '../files/file-depot.ts';
import { newId } from '../jobs/id.ts';
import type { JobQueue } from '../jobs/queue/job-queue.ts';
import { hasEnded } from '../jobs/queue/job-state.ts';
import type { RelayLog } from '../log.ts';
import type { Repeatable } from '../repeats/repeatable.ts';
import type { BatchLine, BatchLineEnd, BatchRecord } from '../store/batch-store.ts';
import type { QueuedJob, QueuedOrder } from '../store/queued-job-store.ts';
import type { Store } from '../store/store.ts';
import type { BatchLimits } from './batch-limits.ts';
import type { LiveBatch } from './live-batch.ts';
import type { QueueShares } from './queue-shares.ts';
import { readBodies } from './read-bodies.ts';

export type FeedPorts = {
  store: { readonly batches: Store['batches']; readonly queuedJobs: Store['queuedJobs'] };
  queue: Pick<JobQueue, 'earlier' | 'whenEnded' | 'giveUp'>;
  /** Puts a job into the queue, with its hold on credits. Errors: those of `JobQueue.accept`, `insufficient_credits`, `budget_exceeded`. */
  submit(order: QueuedOrder, input: string): Promise<{ job: QueuedJob }>;
  /** The job of a line. Errors: what the route of its endpoint would refuse its body with. */
  orderOf(line: LineToOrder): { order: QueuedOrder; input: string };
  /** Who made a batch, as their key is now. Errors: `cancelled` when it was revoked. */
  callerOf(apiKeyId: string): Promise<Principal>;
  /** Whether other jobs of a key hold credits, which they may give back. */
  holdsCredits(apiKeyId: string): boolean;
  files: Pick<FileDepot, 'find' | 'read'>;
  shares: QueueShares;
  limits: BatchLimits;
  /** Aborted when the relay closes. */
  closing: AbortSignal;
  log: RelayLog;
};

export type LineToOrder = {
  batch: BatchRecord;
  body: Record<string, unknown>;
  caller: Principal;
  mark: Repeatable;
  requestId: string;
};

const LINES_AT_ONCE = 200;
/** These say nothing of the line: it is sent to the queue again a little later. */
const TRANSIENT: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'queue_full',
  'storage_failed',
  'draining',
  'idempotency_in_flight',
]);
const RETRY_MS = 1_000;
const FAULT = 'The relay made a mistake. Its log says more under the request id of this line.';
const GONE: ProblemRecord = { code: 'result_not_found', detail: 'The job or its result was deleted.' };

/** Under which the queue knows a line: with a space in it, no client can send it. */
export function markOf({ id, apiKeyId }: BatchRecord, number: number): Repeatable {
  return { apiKeyId, idempotencyKey: `${id} ${number}`, requestHash: 'line of a batch' };
}

/**
 * Makes jobs of the lines of a batch, in their order, as there is room for them.
 *
 * Invariants: (1) a line is a job once, since the queue knows its mark; (2) of the lines without an end no more are known to the
 * queue than the share of a key, and they are the first ones: a relay that starts finds them there; (3) a line leaves
 * `inFlight` when its end is on the disk.
 */
export async function feedLines(batch: LiveBatch, ports: FeedPorts): Promise<void> {
  const { shares, store, closing } = ports;
  const { id, apiKeyId } = batch.record;
  const signal = AbortSignal.any([batch.stop.signal, closing]);
  shares.enter(batch.record);
  try {
    for (let after = 0; ; ) {
      const room = await shares.whenRoom(batch.record, signal);
      if (signal.aborted) return;
      const lines = await store.batches.openLines(id, after, Math.min(room, LINES_AT_ONCE));
      if (lines.length === 0) return;
      const caller = await ports.callerOf(apiKeyId);
      const waiting = lines.filter(({ number }) => !batch.inFlight.has(number));
      for await (const group of readBodies(waiting, batch.record, ports)) {
        const fed = group.map(({ line, body }) => feedLine(batch, line, body, caller, signal, ports));
        // All of them, so that none is on its way when the next try begins.
        const failed = (await Promise.allSettled(fed)).find((one) => one.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
      }
      after = lines.at(-1)?.number ?? after;
    }
  } finally {
    shares.leave(batch.record);
  }
}

/** Follows the lines that an earlier relay has fed. */
export async function takeUpLines(batch: LiveBatch, ports: FeedPorts): Promise<void> {
  const { store, queue, limits, shares } = ports;
  const { record } = batch;
  const first = await store.batches.openLines(record.id, 0, limits.mostInQueuePerKey);
  await Promise.all(
    first.map(async ({ number }) => {
      const job = await queue.earlier(markOf(record, number));
      if (job === undefined) return;
      batch.inFlight.set(number, job.id);
      shares.take(record);
      void followLine(batch, number, job, ports);
    }),
  );
}

async function feedLine(
  batch: LiveBatch,
  { number }: BatchLine,
  body: Record<string, unknown> | Problem,
  caller: Principal,
  signal: AbortSignal,
  ports: FeedPorts,
): Promise<void> {
  const { inFlight, record } = batch;
  if (signal.aborted) return;
  inFlight.set(number, undefined);
  ports.shares.take(record);
  const requestId = newId('req');
  try {
    const line = { batch: record, body, caller, mark: markOf(record, number), requestId };
    const job = await submitLine(line, batch, signal, ports);
    if (job === undefined) return letGo(batch, number, ports);
    inFlight.set(number, job.id);
    // It was cancelled while its last lines were on their way.
    if (batch.record.cancellingAt !== null) {
      void ports.queue.giveUp(job.id, batchCancelled());
    }
    void followLine(batch, number, job, ports);
  } catch (error) {
    if (!(error instanceof Problem)) {
      letGo(batch, number, ports);
      throw error;
    }
    await endLine(batch, { number, jobId: null, requestId, problem: toProblemRecord(error) }, ports);
  }
}

/**
 * Resolves with its job; with undefined when the batch stops first. Errors: what is wrong with the line. Those of a batch that
 * are to be sent again are so one after the other, as a line of the queue ends.
 */
async function submitLine(
  line: LineToSubmit,
  batch: LiveBatch,
  signal: AbortSignal,
  ports: FeedPorts,
): Promise<QueuedJob | undefined> {
  const { body } = line;
  if (body instanceof Problem) throw body;
  const whole = { ...line, body };
  const first = await trySubmit(whole, ports);
  if (first !== undefined) return first;
  return batch.inTurn('again', async () => {
    while (!signal.aborted) {
      await ports.shares.whenFreed(RETRY_MS, signal);
      // What the storage could not confirm may have been written all the same.
      const job = (await ports.queue.earlier(line.mark)) ?? (await trySubmit(whole, ports));
      if (job !== undefined) return job;
    }
    // Nor is such a job to be done for nobody.
    return ports.closing.aborted ? undefined : ports.queue.earlier(line.mark).catch(() => undefined);
  });
}

/** What jobs that are under way may give back of what they hold. */
const NOT_ENOUGH: ReadonlySet<string> = new Set(['insufficient_credits', 'budget_exceeded']);

type LineToSubmit = Omit<LineToOrder, 'body'> & { body: LineToOrder['body'] | Problem };

/** Undefined when nothing is wrong with the line, and it may be taken later. */
async function trySubmit(line: LineToOrder, ports: FeedPorts): Promise<QueuedJob | undefined> {
  const { submit, holdsCredits } = ports;
  try {
    const { order, input } = readOrder(line, ports);
    return (await submit(order, input)).job;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const mayPass = NOT_ENOUGH.has(error.code) && holdsCredits(line.batch.apiKeyId);
    if (mayPass || TRANSIENT.has(error.code)) return undefined;
    throw error;
  }
}

/** A fault that a body brings about is its own line's end, and not that of all lines behind it. */
function readOrder(line: LineToOrder, { orderOf, log }: FeedPorts): ReturnType<FeedPorts['orderOf']> {
  try {
    return orderOf(line);
  } catch (error) {
    if (error instanceof Problem) throw error;
    log.error({ batch: line.batch.id, request: line.requestId, err: error }, 'a line met a fault of the relay');
    throw new Problem('internal', FAULT, { cause: error });
  }
}

async function followLine(
  batch: LiveBatch,
  number: number,
  { id, requestId }: QueuedJob,
  ports: FeedPorts,
): Promise<void> {
  const { store, queue, closing, log } = ports;
  while (!closing.aborted) {
    try {
      const ending = await queue.whenEnded(id);
      if (ending !== undefined) {
        return await endLine(batch, { number, jobId: id, requestId, problem: ending.record.problem }, ports);
      }
      const job = await store.queuedJobs.findQueuedJob(id);
      if (job === undefined) return await endLine(batch, { number, jobId: id, requestId, problem: GONE }, ports);
      if (hasEnded(job.state)) {
        const problem = job.state === 'succeeded' ? null : (job.changes.at(-1)?.problem ?? GONE);
        return await endLine(batch, { number, jobId: id, requestId, problem }, ports);
      }
    } catch (error) {
      log.error({ batch: batch.record.id, job: id, err: error }, 'the end of a line is not known yet');
    }
    await sleep(RETRY_MS, undefined, { signal: closing }).catch(() => undefined);
  }
}

/** Writes an end down, again and again while the disk refuses: the next start would find it otherwise. */
async function endLine(batch: LiveBatch, end: BatchLineEnd, ports: FeedPorts): Promise<void> {
  const { store, closing, log } = ports;
  while (!closing.aborted) {
    try {
      await store.batches.endLine(batch.record.id, end);
      const { completed, failed } = batch.record;
      batch.record =
        end.problem === null ? { ...batch.record, completed: completed + 1 } : { ...batch.record, failed: failed + 1 };
      return letGo(batch, end.number, ports);
    } catch (error) {
      log.error({ batch: batch.record.id, err: error }, 'the end of a line could not be recorded');
      await sleep(RETRY_MS, undefined, { signal: closing }).catch(() => undefined);
    }
  }
}

function letGo(batch: LiveBatch, number: number, { shares }: FeedPorts): void {
  batch.inFlight.delete(number);
  shares.give(batch.record);
  if (batch.inFlight.size === 0) for (const tell of batch.idle.splice(0)) tell();
}

export function batchCancelled(): Problem {
  return new Problem('cancelled', 'The batch was cancelled.');
}
