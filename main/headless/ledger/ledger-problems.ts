import Database from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';

/** By the beginning of SQLite's code: what is wrong with the disk or the file, and what the owner can do. */
const ADVICE: readonly (readonly [string, string])[] = [
  ['SQLITE_FULL', 'the disk is full. Free some space; it is tried again'],
  ['SQLITE_IOERR', 'the disk refuses. Look whether it is full or fails; it is tried again'],
  ['SQLITE_READONLY', 'it may not be written to. Give this program the right to write the file and its folder'],
  ['SQLITE_CANTOPEN', 'it cannot be opened. Give this program the right to read and write the file and its folder'],
  ['SQLITE_CORRUPT', 'it is damaged. Start this program again: it puts the file aside and begins a new one'],
  ['SQLITE_NOTADB', 'it is damaged. Start this program again: it puts the file aside and begins a new one'],
  ['SQLITE_BUSY', 'another program keeps it locked. Close that program'],
];

/** What SQLite says of the disk, as a problem that says what to do; anything else as it is. */
export function toLedgerError(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const { code } = error;
  const advice = ADVICE.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (advice === undefined) return error;
  return new Problem('ledger_unusable', `The ledger of this machine cannot be written: ${advice} (${code}).`, {
    cause: error,
  });
}
