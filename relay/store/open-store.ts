import type { AwaitedServer } from './postgres/await-server.ts';
import type { PostgresOptions } from './postgres/postgres-rooms.ts';
import { assertNotLost } from './sqlite/lost-database.ts';
import { openSqliteStore } from './sqlite/open-sqlite-store.ts';
import { pendingUpgradeOf } from './sqlite/pending-upgrade.ts';
import type { Store } from './store.ts';
import { type PendingUpgrade, tellUpgrade } from './tell-upgrade.ts';

/** The database of SQLite, in the folder of the relay. */
export const DATABASE_FILE = 'sparewatt.sqlite';

export type StoreOptions = Omit<PostgresOptions, 'url'> & {
  /** Of the database of SQLite. */
  file: string;
  /** Beside it, for a relay: by which it knows that its database is lost. */
  headFile?: string;
  /** How large it may grow; as large as the disk allows unless given. */
  maxSizeBytes?: number | undefined;
  /** Of a PostgreSQL database that is used instead. A secret. */
  databaseUrl?: string | undefined;
  /** How long the server of that database may take to answer; not at all unless given. */
  databaseWaitMs?: number | undefined;
  log?: AwaitedServer['log'];
};

/**
 * Opens what the relay remembers, wherever it is kept. Errors: `data_folder_unusable`; with an address
 * `database_unusable` and `database_in_use`.
 */
export async function openStore(given: StoreOptions): Promise<Store> {
  const { file, headFile, maxSizeBytes, databaseUrl, databaseWaitMs = 0, log, ...options } = given;
  if (databaseUrl === undefined) {
    if (headFile !== undefined) assertNotLost(file, headFile);
    const pending = log && options.readOnly !== true ? pendingUpgradeOf(file) : undefined;
    const isUpToDate = pending && log && tellUpgrade(pending, { file }, log);
    const store = await openSqliteStore({ file, ...options, ...(maxSizeBytes === undefined ? {} : { maxSizeBytes }) });
    isUpToDate?.();
    return store;
  }
  // Loaded here, so that a relay on SQLite need not wait for it.
  const { openPostgresStore } = await import('./postgres/open-postgres-store.ts');
  const { nameOfDatabase } = await import('./postgres/connections.ts');
  if (databaseWaitMs > 0 && log !== undefined) {
    const { awaitServer } = await import('./postgres/await-server.ts');
    await awaitServer({ url: databaseUrl, patienceMs: databaseWaitMs, now: () => performance.now(), log });
  }
  const database = nameOfDatabase(databaseUrl);
  let isUpToDate: (() => void) | undefined;
  const onUpgrade = (pending: PendingUpgrade): void => {
    isUpToDate = log && tellUpgrade(pending, { database }, log);
  };
  const store = await openPostgresStore({ url: databaseUrl, ...options }, onUpgrade);
  isUpToDate?.();
  log?.info({ database }, 'the relay keeps its data in PostgreSQL');
  return store;
}
