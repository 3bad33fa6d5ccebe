import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';
import type { Migration } from './migrations/migration.ts';

type Applied = { id: number; name: string; checksum: string };

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
    const applied = db.prepare('SELECT id, name, checksum FROM migrations ORDER BY id').all() as Applied[];
    for (const step of applied) assertKnown(db.name, step, migrations);
    const done = new Set(applied.map((step) => step.id));
    const record = db.prepare('INSERT INTO migrations (id, name, checksum, applied_at) VALUES (?, ?, ?, ?)');
    for (const step of migrations) {
      if (done.has(step.id)) continue;
      db.exec(step.sql);
      record.run(step.id, step.name, checksumOf(step), now());
    }
  }).immediate();
}

function claimFile(db: Database): void {
  const owner = db.pragma('application_id', { simple: true });
  if (owner === APPLICATION_ID) return;
  const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  if (owner !== 0 || tables !== 0) {
    throw unusable(`The database ${db.name} belongs to another program. Choose another data folder.`);
  }
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.exec(
    'CREATE TABLE migrations (id INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, ' +
      'applied_at INTEGER NOT NULL) STRICT',
  );
}

function assertKnown(file: string, step: Applied, migrations: readonly Migration[]): void {
  const known = migrations.find((migration) => migration.id === step.id);
  const label = `${String(step.id).padStart(4, '0')}-${step.name}`;
  if (known === undefined) {
    throw unusable(
      `The database ${file} was written by a newer Sparewatt (it has migration ${label}). ` +
        'Install that version or a later one, or choose another data folder.',
    );
  }
  if (checksumOf(known) !== step.checksum) {
    throw unusable(
      `The database ${file} was built by a different text of migration ${label} than this Sparewatt has. ` +
        'Use the version that wrote it, or choose another data folder.',
    );
  }
}

function checksumOf(step: Migration): string {
  return createHash('sha256').update(step.sql).digest('hex');
}

function unusable(detail: string): Problem {
  return new Problem('data_folder_unusable', detail);
}
