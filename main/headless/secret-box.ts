import { chmod, lstat, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { onceLetGo } from '../../shared/files/once-let-go.ts';
import { LEADS_NOWHERE, readText } from '../../shared/files/read-text.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { refuseNoFile } from './no-file-at.ts';

/** Keeps one secret, in a file or in the keychain of the system. Errors: `data_folder_unusable`, `keychain_unavailable`. */
export type SecretBox = {
  /** Where the secret lies, for a person to read. */
  readonly where: string;
  read(): Promise<string | undefined>;
  /** Replaces the secret whole: after a crash there is the old or the new one. */
  write(secret: string): Promise<void>;
};

const OWNER_ONLY = 0o600;
const OPEN_TO_OTHERS = 0o077;

/** A file that only its owner can read; one that others could read is closed to them. `why` says what is not used. */
export function fileSecretBox(path: string, why?: string): SecretBox {
  return {
    where: `the file ${path}, which only its owner can read${why === undefined ? '' : `; ${why}`}`,
    read: () => inWords(path, () => readWhole(path)),
    write: (secret) => inWords(path, () => writeWhole(path, secret)),
  };
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: LEADS_NOWHERE,
  EISDIR: 'it is a folder. Move it away',
  ENOSPC: 'the disk is full. Free some space',
  EDQUOT: 'the quota of this user is used up. Free some space',
  EROFS: 'the file system is read-only. Make it writable, or name another folder with --data',
  ENOTDIR: 'a part of its path is a file. Move that away, or name another folder with --data',
};

async function inWords<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const why =
      ADVICE[code] ??
      `${message}. Give this user the right to read and write there, or name another folder with --data`;
    throw new Problem('data_folder_unusable', `${path} cannot be used: ${why}.`, { cause });
  }
}

/** A link to what is not there, as on a disk that is not mounted, is no reason to make another secret. */
async function readWhole(path: string): Promise<string | undefined> {
  refuseNoFile(path);
  const bytes = await readFile(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    const found = await lstat(path).catch(() => undefined);
    if (found?.isSymbolicLink() === true) throw error;
    return undefined;
  });
  if (bytes === undefined) return undefined;
  if (process.platform !== 'win32') await closeToOthers(path);
  // What is no text is no secret of ours, which whoever reads it says.
  return readText(bytes) ?? '';
}

async function closeToOthers(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & OPEN_TO_OTHERS) !== 0) await chmod(path, OWNER_ONLY);
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  try {
    const file = await open(draft, 'w', OWNER_ONLY);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await onceLetGo(process.platform, () => rename(draft, path));
  } catch (error) {
    // Part of a secret may be in it, and each process would leave one of its own on a full disk.
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}
