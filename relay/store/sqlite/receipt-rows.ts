import type { Database } from 'better-sqlite3';
import type { LoggedReceipt, Receipt, SignatureVerdict } from '../../../shared/receipts/receipt.ts';
import { leafHash } from '../../receipts/log/merkle-tree.ts';
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

const SELECT = 'SELECT id, body, leaf_hash AS hash FROM receipts';
const OF_JOB = 'WHERE job = (SELECT seq FROM jobs WHERE id = ?) ORDER BY seq';
export function createReceiptRows(db: Database, { judge, seal }: ReceiptSealer): ReceiptRows {
  const log = createLogAppender(db);
  const insert = db.prepare<unknown[]>('INSERT INTO receipts (id, job, body, leaf, leaf_hash) VALUES (?, ?, ?, ?, ?)');
  const byId = db.prepare<[string], StoredReceipt>(`${SELECT} WHERE id = ?`);
  const latest = db.prepare<[string], StoredReceipt>(`${SELECT} ${OF_JOB} DESC LIMIT 1`);
  const all = db.prepare<[string], StoredReceipt>(`${SELECT} ${OF_JOB}`);
  const sealed = (stored: StoredReceipt): Receipt => sealStored(stored, seal);
  const sealedIf = (stored: StoredReceipt | undefined) => (stored === undefined ? undefined : sealed(stored));
  return {
    insert: (jobSeq, { id, body }) => {
      const text = canonicalText(body);
      const leaf = log.nextLeaf();
      insert.run(id, jobSeq, text, leaf, leafHash(text));
      log.onAppended(leaf);
    },
    find: (receiptId) => sealedIf(byId.get(receiptId)),
    latestOf: (jobId) => sealedIf(latest.get(jobId)),
    allOf: (jobId) => all.all(jobId).map(sealed),
    judge: (body) => judge(JSON.parse(body) as LoggedReceipt),
  };
}
