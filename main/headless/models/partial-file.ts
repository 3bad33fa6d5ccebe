import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Static, Type } from 'typebox';
import { onceLetGo } from '../../../shared/files/once-let-go.ts';
import { writeFileAtomically } from './atomic-file.ts';
import type { FileDigest } from './digests.ts';
import { readNote } from './note.ts';

/*
 * 1. The file exists under its own name only after `commit`, whole and synced. Until then it lies in `<name>.part`.
 * 2. `<name>.part.json` says of which version the part is, and is written before the part's first byte.
 * 3. A part of an earlier process is continued only where the digest of the whole file is known, since nothing else
 *    could tell that the disk kept what that process wrote.
 * 4. The digest is of all bytes of the part: those of an earlier process are read again.
 * 5. One download at a time writes a part; the lock of the model's folder sees to that.
 */

/** Which content a part belongs to, as its source tells; `null` where it does not say. */
export const PartVersion = Type.Object({
  sha256: Type.Union([Type.String(), Type.Null()]),
  etag: Type.Union([Type.String(), Type.Null()]),
  commit: Type.Union([Type.String(), Type.Null()]),
  totalBytes: Type.Union([Type.Integer(), Type.Null()]),
});
export type PartVersion = Static<typeof PartVersion>;

export type PartialFile = {
  sizeBytes(): number;
  /** Of the bytes that are there; `null` before the first. */
  version(): PartVersion | null;
  /** Whether some bytes are of an earlier process. */
  isContinued(): boolean;
  /** Forgets what is there and begins with another version. */
  restart(version: PartVersion): Promise<void>;
  write(chunk: Uint8Array): Promise<void>;
  /** Of all bytes; nothing can be written after. */
  finish(): FileDigest;
  /** Makes the file appear under its own name. */
  commit(): Promise<void>;
  /** Keeps the part for a later attempt. */
  close(): Promise<void>;
  remove(): Promise<void>;
};

export const PART_ENDING = '.part';

/** Opens what an earlier attempt at the file left, or an empty part; nothing is created before the first `restart`. */
export async function openPartialFile(path: string): Promise<PartialFile> {
  const partPath = `${path}${PART_ENDING}`;
  const notePath = `${partPath}.json`;
  let version = await readNote(notePath, PartVersion);
  let sizeBytes = 0;
  let hash = createHash('sha256');
  let handle: FileHandle | null = null;
  // A link is not a part that we wrote.
  const isUsable = version !== null && version.sha256 !== null;
  if (isUsable && (await sizeOf(partPath)) !== null) {
    for await (const chunk of createReadStream(partPath, { highWaterMark: 1024 * 1024 })) {
      hash.update(chunk as Uint8Array);
      sizeBytes += (chunk as Uint8Array).length;
    }
  } else {
    version = null;
  }
  let isContinued = sizeBytes > 0;

  async function close(): Promise<void> {
    await handle?.close();
    handle = null;
  }
  async function remove(): Promise<void> {
    await close();
    await rm(partPath, { force: true });
    await rm(notePath, { force: true });
  }
  return {
    sizeBytes: () => sizeBytes,
    version: () => version,
    isContinued: () => isContinued,
    async restart(next) {
      await remove();
      await mkdir(dirname(path), { recursive: true });
      await writeFileAtomically(notePath, JSON.stringify(next));
      version = next;
      sizeBytes = 0;
      hash = createHash('sha256');
      isContinued = false;
    },
    async write(chunk) {
      handle ??= await open(partPath, 'a');
      // A handle may take less than it is given, when the disk is nearly full.
      for (let from = 0; from < chunk.length; ) from += (await handle.write(chunk, from)).bytesWritten;
      hash.update(chunk);
      sizeBytes += chunk.length;
    },
    finish: () => ({ sha256: hash.digest('hex'), sizeBytes }),
    async commit() {
      handle ??= await open(partPath, 'a');
      await handle.sync();
      await close();
      await onceLetGo(process.platform, () => rename(partPath, path));
      await rm(notePath, { force: true });
    },
    close,
    remove,
  };
}

async function sizeOf(path: string): Promise<number | null> {
  const found = await lstat(path).catch(() => null);
  return found?.isFile() === true ? found.size : null;
}
