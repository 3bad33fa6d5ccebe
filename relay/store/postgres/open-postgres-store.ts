import { storeInThread } from '../sqlite/open-sqlite-store.ts';
import type { Store } from '../store.ts';
import type { PendingUpgrade } from '../tell-upgrade.ts';
import { startDatabaseThread } from '../thread/database-thread.ts';
import { nameOfDatabase } from './connections.ts';
import type { PostgresOptions } from './postgres-rooms.ts';

const WORKER_URL = new URL('./postgres-worker.ts', import.meta.url);

/**
 * Opens the store in a PostgreSQL database of its own and brings its schema up to date. It works in a thread, as that
 * of SQLite does: receipts are signed there, and one line of calls holds both back. Errors: `database_unusable`,
 * `database_in_use`. `onUpgrade` hears of a database that an older Sparewatt has left, once nobody else has it.
 */
export async function openPostgresStore(
  options: PostgresOptions,
  onUpgrade?: (pending: PendingUpgrade) => void,
): Promise<Store> {
  const name = nameOfDatabase(options.url);
  return storeInThread(await startDatabaseThread({ name, workerUrl: WORKER_URL, workerData: options, onUpgrade }));
}
