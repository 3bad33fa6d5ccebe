import type { Database } from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';
import {
  type AppliedMigration,
  checksumOf,
  faultOfLack,
  faultOfMigration,
  type Migration,
  missingIn,
} from '../migration.ts';

/** "SPRW": marks the file as ours, so that another program's database is never taken for an empty one. */
export const APPLICATION_ID = 0x53505257;

/**
 * Brings the schema up to date in one transaction.
 *
 * Errors: `data_folder_unusable` when the database is another program's, newer than this program, or was built by a
 * migration whose text has changed since.
 */
export function migrate(db: Database, migrations: readonly Migration[], now: () => number): void {
  db.transaction(() => {
    claimFile(db);
    const record = db.prepare('INSERT INTO migrations (id, name, checksum, applied_at) VALUES (?, ?, ?, ?)');
    for (const step of missingIn(readApplied(db, migrations), migrations)) {
      db.exec(step.sql);
      record.run(step.id, step.name, checksumOf(step), now());
    }
  }).immediate();
}

/** For a database that is only read: it must be as `migrate` leaves it. Errors: `data_folder_unusable`. */
export function assertMigrated(db: Database, migrations: readonly Migration[]): void {
  if (!isClaimed(db)) throw unusable(`The database ${db.name} is empty and no relay's. Choose another data folder.`);
  const [missing] = missingIn(readApplied(db, migrations), migrations);
  if (missing !== undefined) throw unusable(`The database ${db.name} ${faultOfLack(missing, 'folder')}`);
}

/** Errors: as `migrate`. */
function readApplied(db: Database, migrations: readonly Migration[]): AppliedMigration[] {
  const applied = db.prepare('SELECT id, name, checksum FROM migrations ORDER BY id').all() as AppliedMigration[];
  for (const step of applied) {
    const fault = faultOfMigration(step, migrations);
    if (fault !== undefined) throw unusable(`The database ${db.name} ${fault}, or choose another data folder.`);
  }
  return applied;
}

/** Whether the file is ours already; an empty one is still anybody's. */
function isClaimed(db: Database): boolean {
  const owner = db.pragma('application_id', { simple: true });
  if (owner === APPLICATION_ID) return true;
  const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  if (owner === 0 && tables === 0) return false;
  throw unusable(`The database ${db.name} belongs to another program. Choose another data folder.`);
}

function claimFile(db: Database): void {
  if (isClaimed(db)) return;
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.exec(
    'CREATE TABLE migrations (id INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, ' +
      'applied_at INTEGER NOT NULL) STRICT',
  );
}

function unusable(detail: string): Problem {
  return new Problem('data_folder_unusable', detail);
}
