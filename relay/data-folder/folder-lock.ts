import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Problem } from '../../shared/problems/problem.ts';
import { codeOf } from './folder-problems.ts';
import { readHolder, tellHolder } from './holder-file.ts';
import { refuseNoFile } from './refuse-no-file.ts';

/** Of two that reach for the lock in the same instant one steps back at once; the other gets it within this time. */
const CONTEST_MS = 100;
/** Keeps the garbage collector from closing a lock that nobody refers to any more. */
const held = new Set<Database.Database>();

/** Whose folder it is; a relay and a node may share a data folder, each in its own part. */
type Holder = 'relay' | 'node';

export type FolderLock = {
  /** Says where the holder listens, to commands of this machine. */
  tellUrl(url: string): void;
  release(): void;
};

/**
 * Takes the folder for this process alone; throws `data_folder_in_use`.
 *
 * The lock is an exclusive transaction on an empty SQLite file, because that is a lock of the operating system: it is
 * taken in one step, so that of two starters exactly one wins, and it dies with its process, so that no pid has to be
 * judged dead or reused. The pid file beside it is only there to name the holder.
 */
export function lockFolder(folder: string, now: () => number, holder: Holder = 'relay'): FolderLock {
  const lockFile = join(folder, `${holder}.lock`);
  const holderFile = join(folder, `${holder}.pid`);
  for (const file of [lockFile, holderFile]) refuseNoFile(file);
  const database = openLockFile(lockFile);
  try {
    // Nothing is ever written, so a journal would only be litter.
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (codeOf(error).startsWith('SQLITE_BUSY')) throw inUse(folder, holderFile, error);
    throw unusable(lockFile, error);
  }
  const self = { pid: process.pid, startedAt: now() };
  tellHolder(holderFile, self);
  held.add(database);
  return {
    tellUrl: (url) => tellHolder(holderFile, { ...self, url }),
    release: () => {
      rmSync(holderFile, { force: true });
      held.delete(database);
      database.close();
    },
  };
}

function openLockFile(path: string): Database.Database {
  try {
    return new Database(path, { timeout: CONTEST_MS });
  } catch (error) {
    throw unusable(path, error);
  }
}

function inUse(folder: string, holderFile: string, cause: unknown): Problem {
  const { pid } = readHolder(holderFile) ?? {};
  const who = pid === undefined ? 'Another process' : `Process ${pid}`;
  const detail = `${who} uses the data folder ${folder}. Stop it first, or name another folder with --data.`;
  return new Problem('data_folder_in_use', detail, { cause });
}

function unusable(lockFile: string, cause: unknown): Problem {
  const reason = codeOf(cause) || (cause instanceof Error ? cause.message : String(cause));
  const advice = /^SQLITE_(NOTADB|CORRUPT)/.test(reason)
    ? 'Remove it: a lock holds nothing, and something else has written there.'
    : 'Give this user the right to write in the folder, free some space if the disk is full, or name another folder with --data.';
  const detail = `${lockFile} cannot be locked (${reason}). ${advice}`;
  return new Problem('data_folder_unusable', detail, { cause });
}
