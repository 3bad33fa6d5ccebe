import { chmod, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { onceLetGo } from '../../shared/files/once-let-go.ts';

/** Keeps one secret, in a file or in the keychain of the system. */
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
    read: async () => {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text !== undefined && process.platform !== 'win32') await closeToOthers(path);
      return text;
    },
    write: (secret) => writeWhole(path, secret),
  };
}

async function closeToOthers(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & OPEN_TO_OTHERS) !== 0) await chmod(path, OWNER_ONLY);
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  const file = await open(draft, 'w', OWNER_ONLY);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await onceLetGo(process.platform, () => rename(draft, path));
}
