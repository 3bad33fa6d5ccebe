import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../shared/problems/problem.ts';
import { createTurns } from '../files/turns.ts';
import { repeatHourly } from '../hourly.ts';
import { newId } from '../jobs/id.ts';
import type { JobQueue } from '../jobs/queue/job-queue.ts';
import type { BatchRecord } from '../store/batch-store.ts';
import type { Store } from '../store/store.ts';
import { batchEvent } from './batch-event.ts';
import type { BatchLimits } from './batch-limits.ts';
import { type CheckPorts, checkInput } from './check-input.ts';
import { batchCancelled, type FeedPorts, feedLines, takeUpLines } from './feed-lines.ts';
import { type LiveBatch, newLiveBatch, whenIdle } from './live-batch.ts';
import { createQueueShares } from './queue-shares.ts';
import { fault } from './read-line.ts';
import { type WritePorts, writeLines } from './write-lines.ts';

export type BatchPorts = Omit<FeedPorts, 'shares' | 'closing' | 'files' | 'store' | 'queue'> & {
  store: Pick<Store, 'batches' | 'files' | 'queuedJobs'>;
  files: CheckPorts['files'] & WritePorts['files'];
  queue: FeedPorts['queue'] & Pick<JobQueue, 'wakeWebhooks'>;
  /** How long one that has ended is kept. */
  keepMs: number;
  /** Milliseconds since 1970. */
  now: () => number;
};

export type Batches = {
  readonly limits: BatchLimits;
  /** Keeps a batch; what is wrong with its file it tells itself. Errors: `queue_full` while the key has too many. */
  begin(batch: BatchRecord): Promise<BatchRecord>;
  /** A batch of this key, or with null of any. Errors: `batch_not_found`. */
  find(id: string, apiKeyId: string | null): Promise<BatchRecord>;
  /** Newest first, of one key or with null of any, and one more than asked for if there are more. */
  list(page: { apiKeyId: string | null; limit: number; after?: string | undefined }): Promise<BatchRecord[]>;
  /** Ends what of it has not ended; one that has all its answers stays as it is. Errors: `batch_not_found`, `storage_failed`. */
  cancel(id: string, apiKeyId: string | null): Promise<BatchRecord>;
  /** The same for all batches of these keys; resolves when that is written down. From then on, and before, no line of them is fed. */
  cancelAllOf(apiKeyIds: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
};

const FORGOTTEN_AT_ONCE = 500;
/** Longer timers fire at once. */
const TIMER_MOST_MS = 2 ** 31 - 1;
/** After a fault of the storage. */
const AFTER_FAULT_MS = 5_000;
/** When a key with too many batches may ask again. */
const RETRY_AFTER_MS = 60_000;

/**
 * Takes batches from their file to their answers, and goes on with what an earlier relay has left.
 *
 * Invariants: (1) every batch of the store that has not ended is in `live`, and one `run` takes it on; (2) a step that was
 * broken off is taken anew: input is checked from its beginning, lines are found in the queue by their marks, files by ids
 * that are written down before them; (3) lines of one key for the same model are fed a batch after the other.
 */
export async function openBatches(ports: BatchPorts): Promise<Batches> {
  const { store, files, queue, limits, now, log } = ports;
  const live = new Map<string, LiveBatch>();
  const runs = new Set<Promise<void>>();
  const inTurn = createTurns();
  const closing = new AbortController();
  const writePorts: WritePorts = { store, files, closing: closing.signal };
  const feedPorts: FeedPorts = { ...ports, shares: createQueueShares(limits), closing: closing.signal };

  const change = async (batch: LiveBatch, changes: Partial<BatchRecord>): Promise<BatchRecord> => {
    batch.record = { ...batch.record, ...changes };
    await batch.inTurn('record', async () => {
      const { record } = batch;
      await store.batches.putBatch(record);
      batch.isCancelWritten = record.cancellingAt !== null;
    });
    return batch.record;
  };
  const end = async (batch: LiveBatch, changes: Partial<BatchRecord>): Promise<void> => {
    const { webhook } = batch.record;
    const ended: BatchRecord = { ...batch.record, ...changes, webhook: null, endedAt: now() };
    const word = webhook === null ? undefined : { ...webhook, ...batchEvent(ended) };
    batch.isEnding = true;
    try {
      await batch.inTurn('record', () => store.batches.endBatch(ended, word));
    } finally {
      batch.isEnding = false;
    }
    live.delete(ended.id);
    if (word !== undefined) queue.wakeWebhooks();
  };
  /** Leaves the batch in progress, or ended. */
  const check = async (batch: LiveBatch): Promise<void> => {
    const { signal } = batch.stop;
    try {
      const both = AbortSignal.any([signal, closing.signal]);
      const { faults, ...read } = await checkInput(batch.record, both, { store, files, limits });
      if (faults.length > 0) return await end(batch, { state: 'failed', faults });
      const state = batch.record.cancellingAt === null ? 'in_progress' : 'cancelling';
      await change(batch, { state, ...read, inProgressAt: now() });
    } catch (error) {
      if (closing.signal.aborted) return;
      if (signal.aborted) return await end(batch, { state: endState(batch.record, 1) });
      if (!(error instanceof Problem) || error.code === 'storage_failed') throw error;
      await end(batch, { state: 'failed', faults: [fault(error.code, error.message, null, error.param ?? null)] });
    }
  };
  const finish = async (batch: LiveBatch): Promise<void> => {
    const { record } = batch;
    const reserved =
      record.finalizingAt === null ? { outputFileId: newId('file', now()), errorFileId: newId('file', now()) } : {};
    const state = record.cancellingAt === null ? 'finalizing' : 'cancelling';
    const named = await change(batch, { state, finalizingAt: record.finalizingAt ?? now(), ...reserved });
    const written = await writeLines(named, writePorts).catch(async (error: unknown) => {
      if (!(error instanceof Problem) || error.code === 'storage_failed' || closing.signal.aborted) throw error;
      // Such as files of the key that fill its space: it may make room.
      const faults = [fault(error.code, error.message, null)];
      if (now() < named.expiresAt) await change(batch, { faults });
      else await end(batch, { state: 'failed', faults, outputFileId: null, errorFileId: null });
      throw error;
    });
    await end(batch, { ...written, faults: [], state: endState(named, written.failed) });
  };
  const step = async (batch: LiveBatch): Promise<void> => {
    const { id, apiKeyId } = batch.record;
    if (batch.record.inProgressAt === null) await inTurn(`input ${apiKeyId}`, () => check(batch));
    if (!live.has(id) || closing.signal.aborted) return;
    if (batch.record.finalizingAt === null) {
      // What waits for nodes of one model holds up nothing for another.
      const lane = `lines ${apiKeyId} ${batch.record.model ?? ''}`;
      const fed = inTurn(lane, () => feedLines(batch, feedPorts));
      // One that is cancelled does not wait for its turn.
      await Promise.race([fed, whenAborted(batch.stop.signal)]);
      await whenIdle(batch, closing.signal);
    }
    if (!closing.signal.aborted) await finish(batch);
  };
  const run = async (batch: LiveBatch): Promise<void> => {
    const { id, expiresAt } = batch.record;
    const expiry = stopAt(expiresAt, batch, now);
    while (live.has(id) && !closing.signal.aborted) {
      try {
        await step(batch);
      } catch (error) {
        if (!live.has(id) || closing.signal.aborted) break;
        const isRefusal = error instanceof Problem && error.code !== 'storage_failed';
        if (isRefusal && error.code === 'cancelled')
          await cancel(batch).catch((met: unknown) => log.error({ batch: id, err: met }, 'a batch does not go on'));
        else {
          log.error({ batch: id, err: error }, 'a batch does not go on');
          const ms = isRefusal ? limits.restMs : AFTER_FAULT_MS;
          await sleep(ms, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
        }
      }
    }
    clearTimeout(expiry.timer);
  };
  const start = (batch: LiveBatch): void => {
    const running = run(batch);
    runs.add(running);
    void running.finally(() => runs.delete(running));
  };
  const cancel = async (batch: LiveBatch): Promise<BatchRecord> => {
    const { cancellingAt, finalizingAt } = batch.record;
    // Whoever was told that the disk is full asks again until it is written.
    if (cancellingAt !== null && !batch.isCancelWritten && !batch.isEnding) return change(batch, {});
    if (cancellingAt !== null || finalizingAt !== null || batch.isEnding) return batch.record;
    const changed = change(batch, { state: 'cancelling', cancellingAt: now() });
    batch.stop.abort();
    giveUpJobs(batch, queue);
    return changed;
  };
  const find: Batches['find'] = async (id, apiKeyId) => {
    const batch = live.get(id)?.record ?? (await store.batches.findBatch(id));
    if (batch !== undefined && (apiKeyId === null || batch.apiKeyId === apiKeyId)) return batch;
    const whose = apiKeyId === null ? '' : ' of this key';
    throw new Problem('batch_not_found', `There is no batch ${JSON.stringify(id)}${whose}.`, { param: 'id' });
  };

  for (const record of await store.batches.listLiveBatches()) {
    const batch = newLiveBatch({ ...record, ...(await countsOf(record, store)) });
    live.set(record.id, batch);
    if (record.inProgressAt !== null && record.finalizingAt === null) await takeUpLines(batch, feedPorts);
    if (record.cancellingAt !== null) batch.stop.abort();
    if (record.cancellingAt !== null) giveUpJobs(batch, queue);
    start(batch);
  }
  const stopForgetting = repeatHourly(
    async (signal) => {
      const before = now() - ports.keepMs;
      while (!signal.aborted && (await store.batches.forgetBatches(before, FORGOTTEN_AT_ONCE)) === FORGOTTEN_AT_ONCE);
    },
    (error) => log.error({ err: error }, 'old batches could not be forgotten'),
  );

  return {
    limits,
    begin: async (record) => {
      const own = [...live.values()].filter(({ record: { apiKeyId } }) => apiKeyId === record.apiKeyId).length;
      if (own >= limits.mostLivePerKey) throw tooMany(own);
      const batch = newLiveBatch(record);
      live.set(record.id, batch);
      await change(batch, {}).catch((error: unknown) => {
        live.delete(record.id);
        throw error;
      });
      start(batch);
      return record;
    },
    find,
    list: async (page) => (await store.batches.listBatches(page)).map((batch) => live.get(batch.id)?.record ?? batch),
    cancel: async (id, apiKeyId) => {
      const found = await find(id, apiKeyId);
      const batch = live.get(id);
      return batch === undefined ? found : cancel(batch);
    },
    cancelAllOf: async (apiKeyIds) => {
      const own = [...live.values()].filter(({ record: { apiKeyId } }) => apiKeyIds.has(apiKeyId));
      await Promise.all(own.map(cancel));
    },
    close: async () => {
      closing.abort(new Problem('draining', 'The relay was shut down.'));
      await stopForgetting();
      await Promise.all(runs);
    },
  };
}

function giveUpJobs({ inFlight }: LiveBatch, queue: Pick<JobQueue, 'giveUp'>): void {
  for (const jobId of inFlight.values()) if (jobId !== undefined) void queue.giveUp(jobId, batchCancelled());
}

async function countsOf(
  { id, inProgressAt }: BatchRecord,
  { batches }: Pick<Store, 'batches'>,
): Promise<Pick<BatchRecord, 'completed' | 'failed'>> {
  if (inProgressAt === null) return { completed: 0, failed: 0 };
  const { completed, failed } = await batches.countLines(id);
  return { completed, failed };
}

/** Stops a batch when its time is over, however far off that is. */
function stopAt(
  at: number,
  { stop }: LiveBatch,
  now: () => number,
): { timer: ReturnType<typeof setTimeout> | undefined } {
  const expiry: { timer: ReturnType<typeof setTimeout> | undefined } = { timer: undefined };
  const look = (): void => {
    if (now() >= at) stop.abort();
    else expiry.timer = setTimeout(look, Math.min(at - now(), TIMER_MOST_MS)).unref();
  };
  look();
  return expiry;
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** `unanswered` are its lines without an answer. */
function endState(
  { cancellingAt, finalizingAt, expiresAt }: BatchRecord,
  unanswered: number,
): 'cancelled' | 'expired' | 'completed' {
  if (cancellingAt !== null) return 'cancelled';
  const isLate = finalizingAt === null || finalizingAt >= expiresAt;
  return isLate && unanswered > 0 ? 'expired' : 'completed';
}

function tooMany(own: number): Problem {
  const sentence = `${own} batches of this key have not ended. Make another when one of them has.`;
  return new Problem('queue_full', sentence, { retryAfterMs: RETRY_AFTER_MS });
}
