import { writeFileSync } from 'node:fs';
import { readIfThere } from './read-if-there.ts';

/** Who holds a data folder: a file that is only there to be read by a person, or by a command of the same machine. */
export type FolderHolder = {
  pid: number;
  startedAt: number;
  /** Where a relay listens, from when it does. */
  url?: string;
};

const MOST_BYTES = 4_096;

/** On a full disk a folder is held all the same, and what its holder can do there it says itself. */
export function tellHolder(file: string, holder: FolderHolder): void {
  try {
    writeFileSync(file, JSON.stringify(holder), { mode: 0o600 });
  } catch {
    // Whoever finds the folder taken hears of another process, without its number.
  }
}

/** Undefined before a new holder has written it, after one was killed, and where the file is no such file. */
export function readHolder(file: string): FolderHolder | undefined {
  try {
    const text = readIfThere(file)?.toString() ?? '';
    if (text.length > MOST_BYTES) return undefined;
    const { pid, startedAt, url } = JSON.parse(text) as Partial<Record<keyof FolderHolder, unknown>>;
    if (typeof pid !== 'number' || typeof startedAt !== 'number') return undefined;
    process.kill(pid, 0);
    return { pid, startedAt, ...(typeof url === 'string' ? { url } : {}) };
  } catch {
    return undefined;
  }
}
