import { Problem } from '../../../shared/problems/problem.ts';
import { type AppliedMigration, checksumOf, faultOfMigration, type Migration } from '../migration.ts';
import type { Queries } from './queries.ts';

/** Its presence marks the database as ours. */
const TABLE = 'sparewatt_migrations';

export type MigrationOptions = {
  migrations: readonly Migration[];
  /** What people are told of. */
  database: string;
  now: () => number;
};

/**
 * Brings the schema up to date in the running transaction.
 *
 * Errors: `database_unusable` when the database is another program's, newer than this program, or was built by a
 * migration whose text has changed since.
 */
export async function migrate(db: Queries, { migrations, database, now }: MigrationOptions): Promise<void> {
  await claim(db, database);
  const applied = await db.all<AppliedMigration>(`SELECT id, name, checksum FROM ${TABLE} ORDER BY id`);
  for (const step of applied) {
    const fault = faultOfMigration(step, migrations);
    if (fault !== undefined) throw unusable(`The database ${database} ${fault}, or give another DATABASE_URL.`);
  }
  const done = new Set(applied.map((step) => step.id));
  for (const step of migrations) {
    if (done.has(step.id)) continue;
    await db.script(step.sql);
    await db.run(`INSERT INTO ${TABLE} (id, name, checksum, applied_at) VALUES ($1, $2, $3, $4)`, [
      step.id,
      step.name,
      checksumOf(step),
      now(),
    ]);
  }
}

async function claim(db: Queries, database: string): Promise<void> {
  const encoding = await db.one<{ encoding: string }>(`SELECT current_setting('server_encoding') AS encoding`);
  if (encoding?.encoding !== 'UTF8') {
    throw unusable(`The database ${database} keeps text as ${encoding?.encoding}. Create it with the encoding UTF8.`);
  }
  const tables = await db.all<{ name: string }>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()',
  );
  if (tables.some(({ name }) => name === TABLE)) return;
  if (tables.length > 0) {
    throw unusable(`The database ${database} belongs to another program. Give Sparewatt a database of its own.`);
  }
  await db.script(
    `CREATE TABLE ${TABLE} (id BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)`,
  );
}

function unusable(detail: string): Problem {
  return new Problem('database_unusable', detail);
}
