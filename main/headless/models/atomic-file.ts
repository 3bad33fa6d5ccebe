import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { onceLetGo } from '../../../shared/files/once-let-go.ts';

/**
 * A file that does not exist until it is whole: written under a temporary name, synced, then renamed.
 * The name carries the process id, which tells what was abandoned, and is never used twice, so that nobody writes the same file.
 */
export type PendingFile = {
  handle: FileHandle;
  /** Makes the file appear under its own name. */
  commit(): Promise<void>;
  /** Removes what was written; does nothing after a commit. */
  discard(): Promise<void>;
};

const PENDING = /\.pending-(\d+)(?:-[0-9a-f]+)?$/;

async function createPendingFile(path: string): Promise<PendingFile> {
  await mkdir(dirname(path), { recursive: true });
  const pendingPath = `${path}.pending-${process.pid}-${randomBytes(4).toString('hex')}`;
  const handle = await open(pendingPath, 'w');
  let isOpen = true;
  async function close(): Promise<void> {
    if (isOpen) await handle.close();
    isOpen = false;
  }
  return {
    handle,
    async commit() {
      await handle.sync();
      await close();
      await onceLetGo(process.platform, () => rename(pendingPath, path));
    },
    async discard() {
      await close();
      await rm(pendingPath, { force: true });
    },
  };
}

export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const file = await createPendingFile(path);
  try {
    await file.handle.writeFile(text);
    await file.commit();
  } finally {
    await file.discard();
  }
}

/** Removes what processes that no longer run left half-written in `folder` and below. */
export async function removeAbandonedFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const owner = PENDING.exec(basename(name))?.[1];
    if (owner !== undefined && !isProcessRunning(Number(owner))) await rm(join(folder, name), { force: true });
  }
}

export function isProcessRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const DISK_ERRORS = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ENOTDIR', 'EEXIST', 'EISDIR', 'EMFILE'];

/** Whether the file system refused, in contrast to the network or our own code. */
export function isDiskError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && DISK_ERRORS.includes(String(error.code));
}
