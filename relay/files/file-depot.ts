import type { ReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../shared/problems/problem.ts';
import { newId } from '../jobs/id.ts';
import type { RelayLog } from '../log.ts';
import type { FileQuery, FileRecord, FileStore } from '../store/file-store.ts';
import { openContents } from './file-contents.ts';
import type { FileLimits } from './file-limits.ts';
import { createFileSpace } from './file-space.ts';
import { type ReceivedFile, receiveFile, type Sender } from './receive-file.ts';
import { createTurns } from './turns.ts';

export type NewFile = Pick<FileRecord, 'filename' | 'mediaType' | 'purpose' | 'jobId'> & {
  /** That of an id that was told already. */
  fileId?: string;
  /** Milliseconds from now; the usual time when absent. */
  lifetimeMs?: number | undefined;
};

/** Files of clients and of jobs: rows in the store, contents in the data folder, each content once. */
export type FileDepot = {
  readonly limits: FileLimits;
  /** See `receiveFile`. What it resolves with must be kept or dropped. */
  receive(source: AsyncIterable<Uint8Array>, from: Sender): Promise<ReceivedFile>;
  /** Gives what was received a name; it is dropped when that fails. Errors: `file_quota_exceeded`, `storage_failed`. */
  keep(received: ReceivedFile, file: NewFile): Promise<FileRecord>;
  drop(received: ReceivedFile): Promise<void>;
  /** A file of this key that has not expired. Errors: `file_not_found`. */
  find(fileId: string, apiKeyId: string, param?: string): Promise<FileRecord>;
  list(query: Omit<FileQuery, 'now'>): Promise<FileRecord[]>;
  /** Errors: `file_not_found`. */
  remove(fileId: string, apiKeyId: string): Promise<void>;
  /** Lets a file live at least until then. */
  prolong(fileId: string, expiresAt: number): Promise<void>;
  /** Opens the content, or its bytes from `start` to `end`. Errors: `file_not_found` when it was deleted meanwhile. */
  read(file: Pick<FileRecord, 'sha256'>, range?: { start: number; end: number }): Promise<ReadStream>;
  /** Removes what has expired. */
  sweep(): Promise<void>;
  close(): Promise<void>;
};

export type DepotPorts = {
  store: FileStore;
  /** A folder of the depot's own. */
  folder: string;
  limits: FileLimits;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
};

const SWEEP_EVERY_MS = 60_000;
const SWEPT_AT_ONCE = 100;

/**
 * Opens the depot, and removes what a relay that was killed has left half-written.
 *
 * Invariants: (1) a row is written after its content lies whole under its digest, and a content is removed after its
 * last row: what a crash leaves is content without rows, which the next start removes, and a content that was lost all the
 * same comes back with its next upload; (2) naming and removing are done one after another for each digest, so that no
 * content is removed that a new row counts on; (3) paths are made of digests and random numbers alone; (4) the space of a
 * file is taken before its bytes are written and given back once.
 */
export async function openFileDepot({ store, folder, limits, now, log }: DepotPorts): Promise<FileDepot> {
  const incoming = join(folder, 'incoming');
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  const usage = await store.fileUsage();
  const contents = await openContents(join(folder, 'contents'), new Set(usage.contents.map(({ sha256 }) => sha256)));
  const onDisk = usage.contents.filter(({ sha256 }) => contents.has(sha256));
  const space = createFileSpace({ ...usage, contents: onDisk }, limits);
  const inTurn = createTurns();
  const drop = async ({ path, apiKeyId, sizeBytes }: ReceivedFile): Promise<void> => {
    space.giveBytes(apiKeyId, sizeBytes);
    await rm(path, { force: true });
  };
  const write = async (received: ReceivedFile, record: FileRecord): Promise<void> => {
    const { sha256, sizeBytes } = received;
    const isShared = contents.has(sha256);
    await contents.place(received);
    if (isShared) space.share(sizeBytes);
    try {
      await store.addFile(record);
    } catch (error) {
      // It may have been kept all the same. Where that cannot be taken back, the content stays until the next start.
      const isGone = await store.removeFile(record.fileId).then(
        () => true,
        () => false,
      );
      if (isShared || !isGone) space.unshare(sizeBytes);
      else await contents.forget(sha256);
      throw error;
    }
  };
  const removeRecord = ({ fileId, apiKeyId, sha256, sizeBytes }: FileRecord): Promise<void> =>
    inTurn(sha256, async () => {
      const removed = await store.removeFile(fileId);
      if (removed === undefined) return;
      space.giveFile(apiKeyId);
      space.giveBytes(apiKeyId, sizeBytes);
      // What others still have, or nobody has had on the disk since it was lost, gives no room back.
      if (removed.isShared || !contents.has(sha256)) space.unshare(sizeBytes);
      else await contents.forget(sha256);
    });
  const find: FileDepot['find'] = async (fileId, apiKeyId, param = 'id') => {
    const record = await store.findFile(fileId);
    if (record !== undefined && record.apiKeyId === apiKeyId && record.expiresAt > now()) return record;
    throw noFile(fileId, param);
  };
  const sweep = async (): Promise<void> => {
    while (true) {
      const expired = await store.listExpiredFiles(now(), SWEPT_AT_ONCE);
      for (const record of expired) await removeRecord(record);
      if (expired.length < SWEPT_AT_ONCE) return;
    }
  };
  let sweeping: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    sweeping = sweep().catch((error: unknown) => log.error({ err: error }, 'expired files could not be removed'));
  }, SWEEP_EVERY_MS).unref();

  return {
    limits,
    receive: (source, from) => receiveFile(source, from, { folder: incoming, space, limits }),
    keep: async (received, { lifetimeMs = limits.lifetimeMs, fileId = newId('file', now()), ...file }) => {
      const { apiKeyId, sha256, sizeBytes } = received;
      const createdAt = now();
      const record = { ...file, fileId, apiKeyId, sha256, sizeBytes, createdAt, expiresAt: createdAt + lifetimeMs };
      try {
        space.takeFile(apiKeyId);
      } catch (error) {
        await drop(received);
        throw error;
      }
      try {
        await inTurn(sha256, () => write(received, record));
      } catch (error) {
        space.giveFile(apiKeyId);
        await drop(received);
        throw error;
      }
      return record;
    },
    drop,
    find,
    list: (query) => store.listFiles({ ...query, now: now() }),
    remove: async (fileId, apiKeyId) => removeRecord(await find(fileId, apiKeyId)),
    prolong: async (fileId, expiresAt) => void (await store.prolongFile(fileId, expiresAt)),
    read: ({ sha256 }, range) => contents.read(sha256, range),
    sweep,
    close: async () => {
      clearInterval(timer);
      await sweeping;
    },
  };
}

function noFile(fileId: string, param: string): Problem {
  const name = JSON.stringify(fileId.slice(0, 64));
  return new Problem(
    'file_not_found',
    `There is no file ${name} of this key, or not any more. Upload it again, or have the job that made it done anew.`,
    {
      param,
    },
  );
}
