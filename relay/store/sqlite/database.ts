import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';
import { refuseNoFile } from '../../data-folder/refuse-no-file.ts';
import { assertMigrated, migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/all.ts';
import type { Migration } from './migrations/migration.ts';
import { toStorageError } from './storage-problems.ts';

/** A second relay on the same folder may be finishing its last transaction. */
const OPEN_TIMEOUT_MS = 5_000;
/** It blocks the event loop, so longer waits are the group commit's. */
const BUSY_TIMEOUT_MS = 100;
/** Some ten thousand jobs of one moment. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

export type DatabaseOptions = {
  file: string;
  /** Refuses to grow beyond this, as a full disk would; whole pages of 4 KiB. */
  maxSizeBytes?: number;
  now?: () => number;
  migrations?: readonly Migration[];
  /** Look at the database without changing a byte of it. Whoever writes is refused. */
  readOnly?: boolean | undefined;
};

/** Opens the database, made if it is missing, and proves that it can be written. Errors: `data_folder_unusable`. */
export function openDatabase(options: DatabaseOptions): Database.Database {
  if (options.readOnly === true) return openToRead(options);
  let db: Database.Database | undefined;
  try {
    makeFolderOf(options.file);
    refuseNoFile(options.file);
    db = new Database(options.file, { timeout: OPEN_TIMEOUT_MS });
    configure(db, options.maxSizeBytes);
    migrate(db, options.migrations ?? MIGRATIONS, options.now ?? Date.now);
    const opened = db;
    opened.transaction(() => probeWrite(opened)).immediate();
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return db;
  } catch (error) {
    db?.close();
    throw toStorageError(error, options.file, 'opening');
  }
}

/** What a relay that was killed has left in the log beside the file is read from there, and stays there. */
function openToRead({ file, migrations = MIGRATIONS }: DatabaseOptions): Database.Database {
  let db: Database.Database | undefined;
  try {
    refuseNoFile(file);
    db = new Database(file, { readonly: true, timeout: BUSY_TIMEOUT_MS });
    db.pragma('trusted_schema = OFF');
    assertMigrated(db, migrations);
    return db;
  } catch (error) {
    db?.close();
    throw toStorageError(error, file, 'opening');
  }
}

/**
 * Writes and removes four pages in the running transaction. It needs room as the next job would: on free pages of the
 * file or on new ones, and always in the log.
 */
export function probeWrite(db: Database.Database): void {
  db.prepare('INSERT INTO write_probe (filler) VALUES (zeroblob(16384))').run();
  db.prepare('DELETE FROM write_probe').run();
}

function configure(db: Database.Database, maxSizeBytes: number | undefined): void {
  // What is forgotten can be given back to the disk; only a database without a page hears that.
  if (db.pragma('page_count', { simple: true }) === 0) db.pragma('auto_vacuum = INCREMENTAL');
  // WAL with FULL: a commit is one sequential write and one sync, and what was acknowledged survives a loss of power.
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  // An upgrade leaves a log as large as the database, which else stays so until the relay ends.
  db.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`);
  // The upper pages of a million jobs stay at hand.
  db.pragma('cache_size = -32768');
  db.pragma('foreign_keys = ON');
  db.pragma('trusted_schema = OFF');
  if (maxSizeBytes === undefined) return;
  const pageSize = Number(db.pragma('page_size', { simple: true }));
  db.pragma(`max_page_count = ${Math.max(1, Math.floor(maxSizeBytes / pageSize))}`);
}

function makeFolderOf(file: string): void {
  const folder = dirname(file);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const detail = `The folder ${folder} cannot be made. Choose another data folder, or give the relay the right to.`;
    throw new Problem('data_folder_unusable', detail, { cause });
  }
}
