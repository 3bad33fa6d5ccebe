import { toProblem } from '../../../shared/problems/problem.ts';
import type { Store, StoreHealth } from '../store.ts';
import { type DatabaseOptions, openDatabase, probeWrite } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import { createJobStore } from './job-store.ts';
import { createKeyStore } from './key-store.ts';
import { createMeasurementStore } from './measurement-store.ts';
import { createNodeAdminStore } from './node-admin-store.ts';
import { createNodeStore } from './node-store.ts';
import { createPairingStore } from './pairing-store.ts';
import { createReceiptLogStore } from './receipt-log-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';
import { toStorageError } from './storage-problems.ts';

export type SqliteStoreOptions = DatabaseOptions;

/** Opens the store in one SQLite file and brings its schema up to date. Errors: `data_folder_unusable`. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const db = openDatabase(options);
  const commits = new GroupCommit(db);
  const access: SqliteAccess = {
    write: (run) => commits.write(run),
    read: async (run) => {
      try {
        commits.commitNow();
        return run();
      } catch (error) {
        throw toStorageError(error, db.name, 'using');
      }
    },
  };
  return {
    jobs: createJobStore(db, access),
    keys: createKeyStore(db, access),
    measurements: createMeasurementStore(db, access),
    nodes: createNodeStore(db, access),
    nodeAdmin: createNodeAdminStore(db, access),
    pairing: createPairingStore(db, access),
    receiptLog: createReceiptLogStore(db, access),
    health: shareInFlight(() => commits.write(() => probeWrite(db)).then(() => ({ writable: true }), refused)),
    close: async () => {
      await commits.close();
      db.close();
    },
  };
}

/** Health is asked by anyone, and each answer costs a write: those who ask at once share one. */
function shareInFlight(ask: () => Promise<StoreHealth>): () => Promise<StoreHealth> {
  let inFlight: Promise<StoreHealth> | undefined;
  return () => {
    inFlight ??= ask().finally(() => {
      inFlight = undefined;
    });
    return inFlight;
  };
}

function refused(error: unknown): StoreHealth {
  return { writable: false, reason: toProblem(error, 'storage_failed').message };
}
