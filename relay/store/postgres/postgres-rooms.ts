import type { Problem } from '../../../shared/problems/problem.ts';
import { type NKey, nkeyFromSeed } from '../../fabric/bus/nkey.ts';
import { inTime } from '../../in-time.ts';
import { withAttestation } from '../../receipts/attested-sealer.ts';
import { createReceiptSealer, type ReceiptSealer } from '../../receipts/seal-receipt.ts';
import { unsignedSealer } from '../rows/stored-receipt.ts';
import type { StoreRooms } from '../store-rooms.ts';
import type { PendingUpgrade } from '../tell-upgrade.ts';
import { createBatchStore } from './batch-store.ts';
import { type Connections, createConnections, SILENCE_TIMEOUT_MS } from './connections.ts';
import { createCreditStore } from './credit-store.ts';
import { createFileStore } from './file-store.ts';
import { GroupCommit } from './group-commit.ts';
import { createJobStore } from './job-store.ts';
import { createKeyStore } from './key-store.ts';
import { createMeasurementStore } from './measurement-store.ts';
import { assertMigrated, migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/all.ts';
import { createMinerStore } from './miner-store.ts';
import { createNodeAdminStore } from './node-admin-store.ts';
import { createNodeStore } from './node-store.ts';
import { markOpening, OwnerConnection } from './owner-connection.ts';
import { createPairingStore } from './pairing-store.ts';
import { type PostgresAccess, type Queries, queriesOn } from './queries.ts';
import { createQueuedJobStore } from './queued-job-store.ts';
import { createReceiptLogStore } from './receipt-log-store.ts';
import { createReceiptReader } from './receipt-reader.ts';
import { createRequestMarkStore } from './request-mark-store.ts';
import { createServiceStore } from './service-store.ts';
import { isLostConnection, toOpeningError, tooSlow } from './storage-problems.ts';
import { createUsageStore } from './usage-store.ts';

export type PostgresOptions = {
  /** `postgres://user:password@host/database`. A secret. */
  url: string;
  /** The seed of the relay's key, which signs receipts; a store without it gives none back. A secret. */
  relaySeed?: string | undefined;
  /** The seed of the key that attests receipts; none are attested without it. A secret. */
  attestationSeed?: string | undefined;
  /** Look at the database without taking it from the relay that may use it. Whoever writes is at fault then. */
  readOnly?: boolean | undefined;
};

/**
 * Takes the database for this relay, brings its schema up to date and proves that it can be written.
 * Errors: `database_unusable`, `database_in_use`.
 */
export async function openPostgresRooms(
  options: PostgresOptions,
  onUpgrade: (pending: PendingUpgrade) => void = () => undefined,
): Promise<StoreRooms> {
  const { url, relaySeed, attestationSeed, readOnly = false } = options;
  const connections = createConnections(url);
  const now = () => performance.now();
  const late = () => tooSlow(connections.database);
  const owner = new OwnerConnection(connections, now);
  const commits = new GroupCommit(owner, now, late);
  const access = createAccess(connections, commits, late, readOnly);
  const migration = { migrations: MIGRATIONS, database: connections.database, now: Date.now, onUpgrade };
  try {
    if (readOnly) await access.read((db) => assertMigrated(db, migration));
    else {
      await owner.open();
      await access.write((db) => migrate(db, migration));
      await access.write(probeWrite);
      owner.opened(await access.write(markOpening));
    }
    const signer = relaySeed === undefined ? undefined : nkeyFromSeed(relaySeed);
    const close = async () => {
      await commits.close();
      owner.discard();
      await connections.close();
    };
    const sealer =
      signer === undefined ? unsignedSealer : withAttestation(createReceiptSealer(signer), attestationSeed);
    return roomsOf(access, { signer, sealer }, close);
  } catch (error) {
    owner.discard();
    await connections.close();
    throw toOpeningError(error, connections.database);
  }
}

type Signing = { signer: NKey | undefined; sealer: ReceiptSealer };

function roomsOf(access: PostgresAccess, { signer, sealer }: Signing, close: () => Promise<void>): StoreRooms {
  const receipts = createReceiptReader(sealer);
  return {
    jobs: createJobStore(access, receipts, () => performance.now()),
    keys: createKeyStore(access),
    credits: createCreditStore(access, signer),
    batches: createBatchStore(access),
    files: createFileStore(access),
    miners: createMinerStore(access),
    measurements: createMeasurementStore(access),
    nodes: createNodeStore(access),
    nodeAdmin: createNodeAdminStore(access),
    pairing: createPairingStore(access),
    usage: createUsageStore(access),
    receiptLog: createReceiptLogStore(access),
    queuedJobs: createQueuedJobStore(access, receipts),
    requestMarks: createRequestMarkStore(access),
    services: createServiceStore(access),
    whole: { probe: () => access.write(probeWrite), giveBack: async () => false, close },
  };
}

/** Needs room as the next job would. */
async function probeWrite(db: Queries): Promise<void> {
  await db.run("INSERT INTO write_probe (filler) VALUES (repeat('0', 1000))");
  await db.run('DELETE FROM write_probe');
}

function createAccess(
  connections: Connections,
  commits: GroupCommit,
  late: () => Problem,
  readOnly: boolean,
): PostgresAccess {
  const readInTurn = async <T>(run: (db: Queries) => Promise<T>): Promise<T> => {
    await commits.settled();
    const client = await connections.connect();
    let isBroken = true;
    try {
      const value = await run(queriesOn(client, connections));
      isBroken = false;
      return value;
    } catch (error) {
      isBroken = isLostConnection(error);
      throw error;
    } finally {
      client.release(isBroken);
    }
  };
  const read = <T>(run: (db: Queries) => Promise<T>): Promise<T> => inTime(readInTurn(run), SILENCE_TIMEOUT_MS, late);
  return {
    write: (run) => (readOnly ? Promise.reject(new Error('the store was opened to be read')) : commits.write(run)),
    read,
    readTogether: (run) =>
      read(async (db) => {
        await db.run('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
        try {
          return await run(db);
        } finally {
          await db.run('ROLLBACK');
        }
      }),
  };
}
