import type { Database } from 'better-sqlite3';
import type { LoggedReceipt, Receipt, SignatureVerdict } from '../../../shared/receipts/receipt.ts';
import type { ReceiptSealer } from '../../receipts/seal-receipt.ts';
import { canonicalText, type StoredReceipt, sealStored } from '../rows/stored-receipt.ts';
import { createLogAppender } from './receipt-log-store.ts';

/** The receipts of the database, sealed as they are read. Every method runs inside of a read or a write. */
export type ReceiptRows = {
  /** Inserts a receipt and its leaf of the log. Throws a `TypeError` for what has no canonical form. */
  insert(jobSeq: number | bigint, receipt: { id: string; body: string }): void;
  find(receiptId: string): Receipt | undefined;
  latestOf(jobId: string): Receipt | undefined;
  /** Oldest first. */
  allOf(jobId: string): Receipt[];
  judge(body: string): SignatureVerdict;
};

const SELECT =
  'SELECT receipts.id AS id, body, hash FROM receipts LEFT JOIN log_leaves ON receipt = receipts.seq ' +
  'LEFT JOIN log_nodes ON level = 0 AND place = leaf ';
const OF_JOB = 'WHERE job = (SELECT seq FROM jobs WHERE id = ?) ORDER BY receipts.seq ';
export function createReceiptRows(db: Database, { judge, seal }: ReceiptSealer): ReceiptRows {
  const appendToLog = createLogAppender(db);
  const insert = db.prepare<unknown[]>('INSERT INTO receipts (id, job, body) VALUES (?, ?, ?)');
  const byId = db.prepare<[string], StoredReceipt>(`${SELECT} WHERE receipts.id = ?`);
  const latest = db.prepare<[string], StoredReceipt>(`${SELECT} ${OF_JOB} DESC LIMIT 1`);
  const all = db.prepare<[string], StoredReceipt>(`${SELECT} ${OF_JOB}`);
  const sealed = (stored: StoredReceipt): Receipt => sealStored(stored, seal);
  const sealedIf = (stored: StoredReceipt | undefined) => (stored === undefined ? undefined : sealed(stored));
  return {
    insert: (jobSeq, { id, body }) => {
      const text = canonicalText(body);
      appendToLog(insert.run(id, jobSeq, text).lastInsertRowid, text);
    },
    find: (receiptId) => sealedIf(byId.get(receiptId)),
    latestOf: (jobId) => sealedIf(latest.get(jobId)),
    allOf: (jobId) => all.all(jobId).map(sealed),
    judge: (body) => judge(JSON.parse(body) as LoggedReceipt),
  };
}
