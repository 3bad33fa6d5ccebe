import type { Logger } from 'pino';
import type { PostgresOptions } from './postgres/postgres-rooms.ts';
import { openSqliteStore } from './sqlite/open-sqlite-store.ts';
import type { Store } from './store.ts';

/** The database of SQLite, in the folder of the relay. */
export const DATABASE_FILE = 'sparewatt.sqlite';

export type StoreOptions = Omit<PostgresOptions, 'url'> & {
  /** Of the database of SQLite. */
  file: string;
  /** Of a PostgreSQL database that is used instead. A secret. */
  databaseUrl?: string | undefined;
  log?: Pick<Logger, 'info'>;
};

/**
 * Opens what the relay remembers, wherever it is kept. Errors: `data_folder_unusable`; with an address
 * `database_unusable` and `database_in_use`.
 */
export async function openStore({ file, databaseUrl, log, ...options }: StoreOptions): Promise<Store> {
  const { relaySeed, attestationSeed } = options;
  if (databaseUrl === undefined) return openSqliteStore({ file, relaySeed, attestationSeed });
  // Loaded here, so that a relay on SQLite need not wait for it.
  const { openPostgresStore } = await import('./postgres/open-postgres-store.ts');
  const { nameOfDatabase } = await import('./postgres/connections.ts');
  const store = await openPostgresStore({ url: databaseUrl, ...options });
  log?.info({ database: nameOfDatabase(databaseUrl) }, 'the relay keeps its data in PostgreSQL');
  return store;
}
