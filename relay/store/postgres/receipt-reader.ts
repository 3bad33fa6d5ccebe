import type { LoggedReceipt, Receipt, SignatureVerdict } from '../../../shared/receipts/receipt.ts';
import type { ReceiptSealer } from '../../receipts/seal-receipt.ts';
import { type StoredReceipt, sealStored } from '../rows/stored-receipt.ts';
import type { Queries } from './queries.ts';

/** The receipts of the database, sealed as they are read. */
export type ReceiptReader = {
  find(db: Queries, receiptId: string): Promise<Receipt | undefined>;
  latestOf(db: Queries, jobId: string): Promise<Receipt | undefined>;
  /** Oldest first. */
  allOf(db: Queries, jobId: string): Promise<Receipt[]>;
  judge(body: string): SignatureVerdict;
};

const SELECT = 'SELECT id, body, leaf_hash AS hash FROM receipts';
const BY_ID = `${SELECT} WHERE id = $1`;
const OF_JOB = `${SELECT} WHERE job = (SELECT seq FROM jobs WHERE id = $1) ORDER BY seq`;

export function createReceiptReader({ judge, seal }: ReceiptSealer): ReceiptReader {
  const first = async (db: Queries, sql: string, id: string): Promise<Receipt | undefined> => {
    const stored = await db.one<StoredReceipt>(sql, [id]);
    return stored && sealStored(stored, seal);
  };
  return {
    find: (db, receiptId) => first(db, BY_ID, receiptId),
    latestOf: (db, jobId) => first(db, `${OF_JOB} DESC LIMIT 1`, jobId),
    allOf: async (db, jobId) =>
      (await db.all<StoredReceipt>(OF_JOB, [jobId])).map((stored) => sealStored(stored, seal)),
    judge: (body) => judge(JSON.parse(body) as LoggedReceipt),
  };
}
