import Database from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';

type Phase = 'opening' | 'using';

/** Codes of SQLite that speak of the disk or the file, not of the statement; extended codes begin the same way. */
const ADVICE: ReadonlyArray<readonly [prefix: string, advice: string]> = [
  ['SQLITE_FULL', 'the disk is full. Free some space; the relay writes again by itself'],
  ['SQLITE_IOERR', 'the disk does not take or give data. Check its free space and its health'],
  ['SQLITE_READONLY', 'it is read-only. Give the relay the right to write the file and its folder'],
  ['SQLITE_CANTOPEN', 'it cannot be opened. Give the relay the right to read and write the file and its folder'],
  ['SQLITE_PERM', 'it cannot be opened. Give the relay the right to read and write the file and its folder'],
  ['SQLITE_CORRUPT', 'it is damaged. Put the whole folder back from a backup, or begin anew in another data folder'],
  [
    'SQLITE_NOTADB',
    'it is not a database. Put the whole folder back from a backup, or begin anew in another data folder',
  ],
  ['SQLITE_BUSY', 'another program keeps it locked. Close that program'],
  ['SQLITE_LOCKED', 'another program keeps it locked. Close that program'],
];

/** Most of it passes by itself, or as soon as there is room. */
const RETRY_AFTER_MS = 1_000;

function sqliteCodeOf(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : '';
}

export function isBusy(error: unknown): boolean {
  return sqliteCodeOf(error).startsWith('SQLITE_BUSY');
}

/** Whether the disk or the file is at fault, so that other writes would fail alike. */
export function isStorageFailure(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return ADVICE.some(([prefix]) => code.startsWith(prefix));
}

/**
 * Turns what SQLite says of the disk into a problem with advice; any other error passes as it is. Where the file lies is
 * for whoever starts the relay and for its log: clients are told of a database that is in use, and it is no business of theirs.
 */
export function toStorageError(error: unknown, file: string, phase: Phase): unknown {
  const code = sqliteCodeOf(error);
  const advice = ADVICE.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (advice === undefined) return error;
  const because = `cannot be used: ${advice} (${code}).`;
  if (phase === 'opening') {
    const said = because.replace(
      '; the relay writes again by itself',
      ', and start the relay again: nothing was changed',
    );
    return new Problem('data_folder_unusable', `The database ${file} ${said}`, { cause: error });
  }
  const cause = new Error(`the database ${file}`, { cause: error });
  return new Problem('storage_failed', `The relay's database ${because}`, { cause, retryAfterMs: RETRY_AFTER_MS });
}
