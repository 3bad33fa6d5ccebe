import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Problem } from '../../shared/problems/problem.ts';
import type { ReceivedFile } from './receive-file.ts';

type Range = { start: number; end: number };

/** What files hold, each content once under its digest, in a folder of its own. */
export type FileContents = {
  has(sha256: string): boolean;
  /** Moves what was received to its place; where its content lies there already, it is removed. */
  place(received: Pick<ReceivedFile, 'path' | 'sha256'>): Promise<void>;
  forget(sha256: string): Promise<void>;
  /** Errors: `file_not_found` when it is not there, `storage_failed`. */
  read(sha256: string, range?: Range): Promise<ReadStream>;
};

const DIGEST = /^[0-9a-f]{64}$/;

/** Opens the folder, and removes what is none of these. */
export async function openContents(folder: string, named: ReadonlySet<string>): Promise<FileContents> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const present = await keepNamed(folder, named);
  const pathOf = (sha256: string): string => {
    if (!DIGEST.test(sha256)) throw new TypeError('not a digest');
    return join(folder, sha256.slice(0, 2), sha256);
  };
  return {
    has: (sha256) => present.has(sha256),
    place: async ({ path, sha256 }) => {
      if (present.has(sha256)) return unlink(path);
      const target = pathOf(sha256);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await rename(path, target);
      await syncFolder(dirname(target));
      present.add(sha256);
    },
    forget: async (sha256) => {
      present.delete(sha256);
      await rm(pathOf(sha256), { force: true });
    },
    read: (sha256, range) => openStream(pathOf(sha256), range),
  };
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

/** Resolves once the file is open: from then on it can be read to its end, also when it is deleted. */
function openStream(path: string, range: Range | undefined): Promise<ReadStream> {
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
