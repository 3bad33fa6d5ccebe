import { Problem } from '../../shared/problems/problem.ts';
import type { RelayLog } from '../log.ts';
import type { JobRecord, JobStore, StoreHealth } from '../store/store.ts';
import type { RecordShelf } from './record-shelf.ts';

/** Writes down the jobs that were answered before their record was on the disk. */
export type RecordKeeper = {
  /** Resolves when the record is written, is kept for later, or is lost. Never rejects. */
  write(record: JobRecord, node: string | null): Promise<void>;
  /** A job whose record waits for the storage. */
  find(id: string): JobRecord | undefined;
  /** Every such job, oldest first. */
  kept(): JobRecord[];
  /** Errors: `storage_failed` while records wait for the storage. */
  assertWritable(): void;
  /** Whether new work is let in, as `assertWritable` does. */
  health(): StoreHealth;
  /** Tries once more to write what waits, and says what became of it. */
  close(): Promise<void>;
};

export type RecordKeeperPorts = {
  store: Pick<JobStore, 'recordFinishedJob' | 'findJob'>;
  log: RelayLog;
  /** For what the storage takes none of before the relay ends; that is lost unless given. */
  shelf?: RecordShelf | undefined;
  limits?: KeptLimits;
  /** Runs something after a while; returns how to have it not run. */
  later?: (run: () => void, ms: number) => () => void;
};

export type KeptLimits = { readonly records: number; readonly bytes: number };

type Kept = { readonly record: JobRecord; readonly node: string | null; readonly sizeBytes: number };

/** More jobs than a relay runs at once: once a record waits none begins, so that only those under way add to them. */
const KEPT_LIMITS: KeptLimits = { records: 10_000, bytes: 64 * 1024 * 1024 };
/** A try costs one small write that fails; the operator who has made room need not wait. */
const RETRY_MS = 1_000;
/** Of records that wait, so many share a commit. */
const BATCH = 256;

/**
 * Invariants: (1) a record that the storage refuses is in `kept`, oldest first, until it is written or the relay ends;
 * what does not fit is lost, and counted, and what waits at the end is on the shelf, from which the next relay takes it; (2) while `kept` holds any, no record passes those before it, and no new work is
 * let in; (3) a record that is written again after nobody knew what became of it counts once; (4) in the good case
 * nothing here waits for the disk but the promise of `write`, which no answer waits for.
 */
export function createRecordKeeper({
  store,
  log,
  shelf,
  limits = KEPT_LIMITS,
  later = onTimer,
}: RecordKeeperPorts): RecordKeeper {
  let kept: Kept[] = [];
  let keptBytes = 0;
  let lost = 0;
  let refusal: Problem | undefined;
  let unschedule: (() => void) | undefined;
  let writing: Promise<void> | undefined;
  let closed = false;

  const put = async ({ record, node }: Omit<Kept, 'sizeBytes'>): Promise<void> => {
    const verdict = await store.recordFinishedJob(record);
    if (verdict !== 'refused') return;
    // The client has the answer already; what is left is not to pretend that both agree.
    const refused = { job: record.id, node, code: 'protocol_violation' };
    log.warn(refused, "a node's signature does not fit what the relay saw; its receipt says so");
  };
  const retryLater = (): void => {
    if (!closed) unschedule ??= later(() => void retry(), RETRY_MS);
  };
  const keep = (record: JobRecord, node: string | null): void => {
    const sizeBytes = JSON.stringify(record).length;
    if (kept.length >= limits.records || keptBytes + sizeBytes > limits.bytes) {
      lost += 1;
      log.error(
        { job: record.id, node, kept: kept.length, lost },
        'the record of a finished job is lost: too many wait',
      );
      return;
    }
    kept.push({ record, node, sizeBytes });
    keptBytes += sizeBytes;
    retryLater();
  };
  const refused = (record: JobRecord, node: string | null, error: unknown): void => {
    if (!isStorageFailure(error) || closed) {
      lost += 1;
      log.error({ job: record.id, node, err: error, lost }, 'a finished job could not be recorded');
      return;
    }
    refusal = error;
    if (kept.length === 0) {
      const sentence =
        'the storage takes no writes: records of finished jobs are kept in memory, and no new work is let in';
      log.error({ job: record.id, err: error }, sentence);
    }
    keep(record, node);
  };
  /** A fault of the record itself, unless it was written all the same when a line or a commit broke. */
  const forget = async ({ record, node }: Kept, fault: unknown): Promise<boolean> => {
    try {
      if ((await store.findJob(record.id)) === undefined) refused(record, node, fault);
      return true;
    } catch (error) {
      return !isStorageFailure(error);
    }
  };
  /** Whether it is written, now or before; a fault of the record itself ends its waiting too. */
  const putAgain = async (item: Kept): Promise<boolean> => {
    try {
      await put(item);
    } catch (error) {
      if (isStorageFailure(error)) {
        refusal = error;
        return false;
      }
      return forget(item, error);
    }
    return true;
  };
  const writeKept = async (): Promise<void> => {
    let written = 0;
    // The first alone finds out whether there is room again.
    for (let most = 1; kept.length > 0; most = BATCH) {
      const batch = kept.slice(0, most);
      const done = await Promise.all(batch.map(putAgain));
      const still = batch.filter((_, index) => done[index] !== true);
      written += batch.length - still.length;
      kept = [...still, ...kept.slice(batch.length)];
      keptBytes = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      if (still.length > 0) return retryLater();
    }
    await shelf?.clear();
    log.info({ written, lost }, 'the storage takes writes again; the records that waited are written');
  };
  const retry = (): Promise<void> => {
    unschedule?.();
    unschedule = undefined;
    writing ??= writeKept().finally(() => {
      writing = undefined;
    });
    return writing;
  };
  const shelve = async (): Promise<void> => {
    const records = kept.map(({ record, node }) => ({ record, node }));
    try {
      if (shelf === undefined) throw new Error('there is no shelf');
      await shelf.put(records);
      log.warn(
        { records: records.length },
        'the storage took no writes to the end: the records of finished jobs lie in the data folder, and the next relay writes them',
      );
    } catch (error) {
      lost += records.length;
      log.error(
        { lost, err: error },
        'the storage took no writes to the end: the records of so many finished jobs are lost',
      );
    }
  };
  for (const { record, node } of shelf?.read() ?? []) keep(record, node);
  return {
    write: (record, node) => {
      // Behind those that wait, so that the ledger and the log have them in the order in which they ended.
      if (kept.length > 0 && !closed) return Promise.resolve(keep(record, node));
      return put({ record, node }).catch((error: unknown) => refused(record, node, error));
    },
    find: (id) => kept.find(({ record }) => record.id === id)?.record,
    kept: () => kept.map(({ record }) => record),
    assertWritable: () => {
      if (kept.length === 0 || refusal === undefined) return;
      throw new Problem('storage_failed', refusal.message, { cause: refusal, retryAfterMs: RETRY_MS });
    },
    health: () =>
      kept.length === 0 || refusal === undefined ? { writable: true } : { writable: false, reason: refusal.message },
    close: async () => {
      await writing;
      closed = true;
      if (kept.length > 0) await retry();
      if (kept.length > 0) await shelve();
    },
  };
}

function onTimer(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

function isStorageFailure(error: unknown): error is Problem {
  return error instanceof Problem && error.code === 'storage_failed';
}
