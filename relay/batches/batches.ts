import { Problem } from '../../shared/problems/problem.ts';
import type { FileDepot } from '../files/file-depot.ts';
import { createTurns } from '../files/turns.ts';
import { newId } from '../jobs/id.ts';
import type { JobQueue } from '../jobs/queue/job-queue.ts';
import { hasEnded } from '../jobs/queue/job-state.ts';
import type { RelayLog } from '../log.ts';
import type { BatchRecord } from '../store/batch-store.ts';
import type { Store } from '../store/store.ts';
import { fault } from './read-lines.ts';
import { type LineEnd, linesOf, writeLines } from './write-lines.ts';

export type BatchPorts = {
  store: Pick<Store, 'batches' | 'files' | 'queuedJobs'>;
  queue: Pick<JobQueue, 'whenEnded' | 'giveUp'>;
  files: Pick<FileDepot, 'receive' | 'keep'>;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
};

export type Batches = {
  /** Keeps a batch, and has its jobs submitted: all of them or none. Resolves with how it stands then. */
  begin(batch: BatchRecord, submit: () => Promise<void>): Promise<BatchRecord>;
  /** Keeps a batch whose file is wrong. */
  refuse(batch: BatchRecord): Promise<BatchRecord>;
  /** A batch of this key. Errors: `batch_not_found`. */
  find(id: string, apiKeyId: string): Promise<BatchRecord>;
  /** Newest first, and one more than asked for if there are more. */
  list(page: { apiKeyId: string; limit: number; after?: string | undefined }): Promise<BatchRecord[]>;
  /** Ends what of it has not ended; one that has ended stays as it is. Errors: `batch_not_found`. */
  cancel(id: string, apiKeyId: string): Promise<BatchRecord>;
  close(): Promise<void>;
};

/**
 * Follows the jobs of batches to their ends, and writes the files.
 *
 * Invariants: (1) a batch whose submission was not answered before the relay died is given up: its client asks again;
 * (2) the files' ids are written down before the files, so that a relay that dies between them leaves none twice.
 */
export async function openBatches(ports: BatchPorts): Promise<Batches> {
  const { store, queue, now, log } = ports;
  const live = new Map<string, BatchRecord>();
  const finishing = new Set<Promise<void>>();
  const inTurn = createTurns();
  let closed = false;

  const change = async (id: string, changes: Partial<BatchRecord>): Promise<BatchRecord> => {
    const batch = { ...live.get(id), ...changes } as BatchRecord;
    live.set(id, batch);
    await inTurn(id, () => store.batches.putBatch(batch));
    return batch;
  };
  const end = async (id: string, changes: Partial<BatchRecord>): Promise<BatchRecord> => {
    const batch = await change(id, { ...changes, lines: [], endedAt: now() });
    live.delete(id);
    return batch;
  };
  const giveUpJobs = async ({ lines }: BatchRecord, reason: Problem): Promise<void> => {
    await Promise.all(lines.map(({ jobId }) => queue.giveUp(jobId, reason)));
  };
  /** The next start goes on with it. */
  const unfinished = (id: string) => (error: unknown) =>
    log.error({ batch: id, err: error }, 'a batch stays unfinished');
  const count = (id: string, isDone: boolean): void => {
    const batch = live.get(id);
    if (batch === undefined) return;
    live.set(id, isDone ? { ...batch, completed: batch.completed + 1 } : { ...batch, failed: batch.failed + 1 });
  };
  const finish = async (id: string): Promise<void> => {
    const batch = live.get(id);
    if (closed || batch === undefined) return;
    const ends = await linesOf(batch, store);
    if (ends.some(({ job }) => job !== undefined && !hasEnded(job.state))) return;
    const reserved =
      batch.finalizingAt === null ? { outputFileId: newId('file', now()), errorFileId: newId('file', now()) } : batch;
    const { outputFileId, errorFileId } = reserved;
    const state = batch.cancellingAt === null ? 'finalizing' : 'cancelling';
    const named = await change(id, { state, outputFileId, errorFileId, finalizingAt: batch.finalizingAt ?? now() });
    try {
      await end(id, { ...(await writeLines(named, ends, ports)), state: endState(named, ends) });
    } catch (error) {
      if (!(error instanceof Problem) || error.code === 'storage_failed') throw error;
      const faults = [fault(error.code, error.message, null)];
      await end(id, { state: 'failed', faults, outputFileId: null, errorFileId: null });
    }
  };
  const follow = async (batch: BatchRecord): Promise<void> => {
    const { id, lines } = batch;
    live.set(id, { ...batch, completed: 0, failed: 0 });
    const wait = async (jobId: string): Promise<void> => {
      const ending = queue.whenEnded(jobId);
      const state =
        ending === undefined ? (await store.queuedJobs.findQueuedJob(jobId))?.state : (await ending)?.record.state;
      count(id, state === 'succeeded');
    };
    await Promise.all(lines.map(({ jobId }) => wait(jobId)));
    const finished = finish(id).catch(unfinished(id));
    finishing.add(finished);
    await finished;
    finishing.delete(finished);
  };
  const begin: Batches['begin'] = async (batch, submit) => {
    const { id } = batch;
    await change(id, batch);
    try {
      await submit();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      await giveUpJobs(batch, cancelled());
      return end(id, { state: 'failed', faults: [fault(error.code, error.message, null, error.param ?? null)] });
    }
    const begun = await change(id, { state: 'in_progress', inProgressAt: now() });
    void follow(begun).catch(unfinished(id));
    return begun;
  };
  const find: Batches['find'] = async (id, apiKeyId) => {
    const batch = live.get(id) ?? (await store.batches.findBatch(id));
    if (batch?.apiKeyId === apiKeyId) return batch;
    throw new Problem('batch_not_found', `There is no batch ${JSON.stringify(id)} of this key.`, { param: 'id' });
  };

  for (const batch of await store.batches.listLiveBatches()) {
    live.set(batch.id, batch);
    if (batch.state === 'validating') {
      await giveUpJobs(batch, cancelled());
      await end(batch.id, {
        state: 'failed',
        faults: [fault('relay_lost', 'The relay restarted. Send it again.', null)],
      });
      continue;
    }
    if (batch.cancellingAt !== null) void giveUpJobs(batch, cancelled()).catch(unfinished(batch.id));
    void follow(batch).catch(unfinished(batch.id));
  }

  return {
    begin,
    refuse: (batch) => end(batch.id, { ...batch, state: 'failed' }),
    find,
    list: async (page) => (await store.batches.listBatches(page)).map((batch) => live.get(batch.id) ?? batch),
    cancel: async (id, apiKeyId) => {
      const batch = await find(id, apiKeyId);
      if (batch.state !== 'in_progress') return batch;
      const cancelling = await change(id, { state: 'cancelling', cancellingAt: now() });
      void giveUpJobs(batch, cancelled()).catch(unfinished(id));
      return cancelling;
    },
    close: async () => {
      closed = true;
      await Promise.all(finishing);
    },
  };
}

function endState({ cancellingAt }: BatchRecord, ends: readonly LineEnd[]): BatchRecord['state'] {
  if (cancellingAt !== null) return 'cancelled';
  return ends.some(({ job }) => job?.state === 'expired') ? 'expired' : 'completed';
}

function cancelled(): Problem {
  return new Problem('cancelled', 'The batch was cancelled.');
}
