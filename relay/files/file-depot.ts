import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Problem } from '../../shared/problems/problem.ts';
import { newId } from '../jobs/id.ts';
import type { RelayLog } from '../log.ts';
import type { FileQuery, FileRecord, FileStore } from '../store/file-store.ts';
import type { FileLimits } from './file-limits.ts';
import { createFileSpace } from './file-space.ts';
import { type ReceivedFile, receiveFile } from './receive-file.ts';
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
  receive(
    source: AsyncIterable<Uint8Array>,
    from: { apiKeyId: string; announcedBytes?: number | undefined },
  ): Promise<ReceivedFile>;
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
const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Opens the depot, and removes what a relay that was killed has left half-written.
 *
 * Invariants: (1) a row is written after its content lies whole under its digest, and a content is removed after its
 * last row: what a crash leaves is content without rows, which the next start removes, and a content that was lost
 * all the same comes back with the next upload of it; (2) naming and removing are done
 * one after another for each digest, so that no content is removed that a new row counts on; (3) paths are made of
 * digests and random numbers alone; (4) the space of a file is taken before its bytes are written and given back once.
 */
export async function openFileDepot({ store, folder, limits, now, log }: DepotPorts): Promise<FileDepot> {
  const incoming = join(folder, 'incoming');
  const contents = join(folder, 'contents');
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await mkdir(contents, { recursive: true, mode: 0o700 });
  const usage = await store.fileUsage();
  const present = await keepNamed(contents, new Set(usage.contents.map(({ sha256 }) => sha256)));
  const onDisk = usage.contents.filter(({ sha256 }) => present.has(sha256));
  const space = createFileSpace({ ...usage, contents: onDisk }, limits);
  const inTurn = createTurns();
  const pathOf = (sha256: string): string => {
    if (!DIGEST.test(sha256)) throw new TypeError('not a digest');
    return join(contents, sha256.slice(0, 2), sha256);
  };

  const place = async ({ path, sha256, sizeBytes }: ReceivedFile): Promise<void> => {
    if (present.has(sha256)) {
      await unlink(path);
      space.share(sizeBytes);
      return;
    }
    const target = pathOf(sha256);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await rename(path, target);
    await syncFolder(dirname(target));
    present.add(sha256);
  };
  const forgetContent = async (sha256: string): Promise<void> => {
    present.delete(sha256);
    await rm(pathOf(sha256), { force: true });
  };
  const drop = async ({ path, apiKeyId, sizeBytes }: ReceivedFile): Promise<void> => {
    space.giveBytes(apiKeyId, sizeBytes);
    await rm(path, { force: true });
  };
  const write = async (received: ReceivedFile, record: FileRecord): Promise<void> => {
    const { sha256, sizeBytes } = received;
    const wasPresent = present.has(sha256);
    await place(received);
    try {
      await store.addFile(record);
    } catch (error) {
      if (wasPresent) space.unshare(sizeBytes);
      else await forgetContent(sha256);
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
      if (removed.isShared || !present.has(sha256)) space.unshare(sizeBytes);
      else await forgetContent(sha256);
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
    read: ({ sha256 }, range) => openStream(pathOf(sha256), range),
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

/** Resolves once the file is open: from then on it can be read to its end, also when it is deleted. */
function openStream(path: string, range: { start: number; end: number } | undefined): Promise<ReadStream> {
  const stream = createReadStream(path, { ...range, highWaterMark: 256 * 1024 });
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve(stream));
    stream.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') reject(new Problem('file_not_found', 'The file was deleted meanwhile.', { cause }));
      else reject(new Problem('storage_failed', `The file cannot be read (${cause.code}).`, { cause }));
    });
  });
}

/** A rename is on the disk when its folder is. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Removes contents that no file has any more, and tells which of the others are there. */
async function keepNamed(contents: string, named: ReadonlySet<string>): Promise<Set<string>> {
  const present = new Set<string>();
  for (const entry of await readdir(contents, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    if (named.has(entry.name)) present.add(entry.name);
    else await rm(join(entry.parentPath, entry.name), { force: true });
  }
  return present;
}
