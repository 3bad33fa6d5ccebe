import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../shared/problems/problem.ts';
import type { FileLimits } from './file-limits.ts';
import { type FileSpace, storageFull } from './file-space.ts';

/** What has come in whole and has no name yet. Its room is taken until it is kept or dropped. */
export type ReceivedFile = {
  readonly path: string;
  readonly apiKeyId: string;
  readonly sha256: string;
  readonly sizeBytes: number;
};

/** Whose file it is, and how large it will be and may be: as large as files may be that clients send, unless it says so. */
export type Sender = { apiKeyId: string; announcedBytes?: number | undefined; mostBytes?: number };

export type ReceivePorts = { folder: string; space: FileSpace; limits: FileLimits };

/**
 * Writes a stream to the disk while it hashes it. What does not come whole leaves nothing behind.
 * Errors: `file_too_large`, `file_quota_exceeded`, `file_storage_full`, `storage_failed`, and whatever the stream ends with.
 */
export async function receiveFile(
  source: AsyncIterable<Uint8Array>,
  { apiKeyId, announcedBytes = 0, mostBytes }: Sender,
  { folder, space, limits }: ReceivePorts,
): Promise<ReceivedFile> {
  const most = mostBytes ?? limits.mostFileBytes;
  if (announcedBytes > most) throw tooLarge(most);
  await assertRoomOnDisk(folder, announcedBytes, limits);
  const path = join(folder, randomBytes(16).toString('hex'));
  const handle = await open(path, 'wx', 0o600).catch(toProblem);
  let sizeBytes = 0;
  try {
    const hash = createHash('sha256');
    for await (const chunk of source) {
      if (sizeBytes + chunk.length > most) throw tooLarge(most);
      space.takeBytes(apiKeyId, chunk.length);
      sizeBytes += chunk.length;
      hash.update(chunk);
      await writeAll(handle, chunk);
    }
    await handle.sync().catch(toProblem);
    await handle.close();
    return { path, apiKeyId, sizeBytes, sha256: hash.digest('hex') };
  } catch (error) {
    space.giveBytes(apiKeyId, sizeBytes);
    await handle.close().catch(() => undefined);
    await unlink(path).catch(() => undefined);
    throw error;
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await handle.write(chunk, written).catch(toProblem);
    written += bytesWritten;
  }
}

async function assertRoomOnDisk(folder: string, bytes: number, { leastFreeBytes }: FileLimits): Promise<void> {
  const { bavail, bsize } = await statfs(folder).catch(toProblem);
  if (bavail * bsize - bytes < leastFreeBytes) throw storageFull("The disk of the relay's data folder is nearly full");
}

function tooLarge(mostBytes: number): Problem {
  return new Problem('file_too_large', `A file may have ${mostBytes} bytes. Send it in parts, or smaller.`);
}

function toProblem(error: NodeJS.ErrnoException): never {
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT')
    throw storageFull("The disk of the relay's data folder is full");
  const reason = error.code ?? error.message;
  throw new Problem('storage_failed', `The relay cannot write files to its data folder (${reason}).`, { cause: error });
}
