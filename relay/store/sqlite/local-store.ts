import { type NKey, nkeyFromSeed } from '../../fabric/bus/nkey.ts';
import { withAttestation } from '../../receipts/attested-sealer.ts';
import { createReceiptSealer, type ReceiptSealer } from '../../receipts/seal-receipt.ts';
import { unsignedSealer } from '../rows/stored-receipt.ts';
import type { StoreRooms } from '../store-rooms.ts';
import { createBatchStore } from './batch-store.ts';
import { createCreditStore, prepareCharge } from './credit-store.ts';
import { type DatabaseOptions, openDatabase, probeWrite } from './database.ts';
import { createFileStore } from './file-store.ts';
import { giveBackPages } from './give-back-pages.ts';
import { GroupCommit } from './group-commit.ts';
import { createJobStore, prepareJobInsert } from './job-store.ts';
import { createKeyStore } from './key-store.ts';
import { createMeasurementStore } from './measurement-store.ts';
import { createMinerStore } from './miner-store.ts';
import { createNodeAdminStore } from './node-admin-store.ts';
import { createNodeStore } from './node-store.ts';
import { createPairingStore } from './pairing-store.ts';
import { createQueuedJobStore } from './queued-job-store.ts';
import { createReceiptLogStore } from './receipt-log-store.ts';
import { createReceiptRows } from './receipt-rows.ts';
import { createRequestMarkStore } from './request-mark-store.ts';
import { createServiceStore } from './service-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';
import { toStorageError } from './storage-problems.ts';
import { createUsageStore } from './usage-store.ts';

export type LocalStoreOptions = DatabaseOptions & {
  /** The seed of the relay's key, which signs receipts; a store without it gives none back. A secret. */
  relaySeed?: string | undefined;
  /** The seed of the key that attests receipts; none are attested without it. A secret. */
  attestationSeed?: string | undefined;
};

/** Opens the database in this thread, which it blocks whenever it works. Errors: `data_folder_unusable`. */
export function openLocalStore(options: LocalStoreOptions): StoreRooms {
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
  const receipts = createReceiptRows(db, sealerOf(options));
  const insertJob = prepareJobInsert(db, { receipts, charge: prepareCharge(db) });
  return {
    batches: createBatchStore(db, access),
    files: createFileStore(db, access),
    jobs: createJobStore(db, access, { insertJob, receipts, now: () => performance.now() }),
    keys: createKeyStore(db, access),
    credits: createCreditStore(db, access, signerOf(options)),
    measurements: createMeasurementStore(db, access),
    miners: createMinerStore(db, access),
    nodes: createNodeStore(db, access),
    nodeAdmin: createNodeAdminStore(db, access),
    pairing: createPairingStore(db, access),
    usage: createUsageStore(db, access),
    receiptLog: createReceiptLogStore(db, access),
    queuedJobs: createQueuedJobStore(db, access, insertJob),
    requestMarks: createRequestMarkStore(db, access),
    services: createServiceStore(db, access),
    whole: {
      probe: () => commits.write(() => probeWrite(db)),
      giveBack: async (mostBytes) => {
        const isMore = await commits.write(() => giveBackPages(db, mostBytes));
        // The file itself becomes shorter with the next checkpoint, for which a relay without work would wait.
        if (!isMore) db.pragma('wal_checkpoint(PASSIVE)');
        return isMore;
      },
      close: async () => {
        await commits.close();
        db.close();
      },
    },
  };
}

function signerOf({ relaySeed }: LocalStoreOptions): NKey | undefined {
  return relaySeed === undefined ? undefined : nkeyFromSeed(relaySeed);
}

function sealerOf(options: LocalStoreOptions): ReceiptSealer {
  const signer = signerOf(options);
  return signer === undefined ? unsignedSealer : withAttestation(createReceiptSealer(signer), options.attestationSeed);
}
