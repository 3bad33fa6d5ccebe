import { Problem } from '../../../shared/problems/problem.ts';
import {
  type AppliedMigration,
  checksumOf,
  faultOfLack,
  faultOfMigration,
  type Migration,
  missingIn,
} from '../migration.ts';
import type { PendingUpgrade } from '../tell-upgrade.ts';
import type { Queries } from './queries.ts';

/** Its presence marks the database as ours. */
const TABLE = 'sparewatt_migrations';

/** Millions of rows may have to be written anew, which nobody gives up on; a server that fell silent is, in the end. */
const STEP_MS = 4 * 3_600_000;

export type MigrationOptions = {
  migrations: readonly Migration[];
  /** What people are told of. */
  database: string;
  now: () => number;
  /** Hears of what is about to be done to a database that an older Sparewatt has left. */
  onUpgrade?: ((pending: PendingUpgrade) => void) | undefined;
};

/**
 * Brings the schema up to date in the running transaction.
 *
 * Errors: `database_unusable` when the database is another program's, newer than this program, or was built by a
 * migration whose text has changed since.
 */
export async function migrate(db: Queries, { migrations, database, now, onUpgrade }: MigrationOptions): Promise<void> {
  await claim(db, database);
  const applied = await readApplied(db, { migrations, database });
  const missing = missingIn(applied, migrations);
  if (applied.length > 0 && missing.length > 0) onUpgrade?.({ steps: missing.length, sizeBytes: await sizeOf(db) });
  // A copy that is being taken has its tables locked, too, and ends.
  await db.script(`SET LOCAL statement_timeout = ${STEP_MS}; SET LOCAL lock_timeout = 0`);
  for (const step of missing) {
    await db.script(step.sql, STEP_MS);
    await db.run(`INSERT INTO ${TABLE} (id, name, checksum, applied_at) VALUES ($1, $2, $3, $4)`, [
      step.id,
      step.name,
      checksumOf(step),
      now(),
    ]);
  }
}

async function sizeOf(db: Queries): Promise<number> {
  return (await db.one<{ size: number }>('SELECT pg_database_size(current_database()) AS size'))?.size ?? 0;
}

/** For a database that is only read: it must be as `migrate` leaves it. Errors: `database_unusable`. */
export async function assertMigrated(db: Queries, options: MigrationOptions): Promise<void> {
  const { database, migrations } = options;
  const tables = await tablesOf(db);
  if (!tables.includes(TABLE)) throw unusable(`The database ${database} is no relay's. Give the DATABASE_URL of one.`);
  const [missing] = missingIn(await readApplied(db, options), migrations);
  if (missing !== undefined) throw unusable(`The database ${database} ${faultOfLack(missing, 'database')}`);
}

async function readApplied(
  db: Queries,
  { migrations, database }: Pick<MigrationOptions, 'migrations' | 'database'>,
): Promise<AppliedMigration[]> {
  const applied = await db.all<AppliedMigration>(`SELECT id, name, checksum FROM ${TABLE} ORDER BY id`);
  for (const step of applied) {
    const fault = faultOfMigration(step, migrations);
    if (fault !== undefined) throw unusable(`The database ${database} ${fault}, or give another DATABASE_URL.`);
  }
  return applied;
}

/** Tables and views, but for those that an extension of the server has brought. */
const TABLES = `
SELECT relname AS name FROM pg_class AS c
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT EXISTS
  (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')`;

async function tablesOf(db: Queries): Promise<string[]> {
  const tables = await db.all<{ name: string }>(TABLES);
  return tables.map(({ name }) => name);
}

async function claim(db: Queries, database: string): Promise<void> {
  const encoding = await db.one<{ encoding: string }>(`SELECT current_setting('server_encoding') AS encoding`);
  if (encoding?.encoding !== 'UTF8') {
    throw unusable(`The database ${database} keeps text as ${encoding?.encoding}. Create it with the encoding UTF8.`);
  }
  const tables = await tablesOf(db);
  if (tables.includes(TABLE)) return;
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
