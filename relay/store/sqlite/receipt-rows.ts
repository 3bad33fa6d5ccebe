import type { Database } from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';
import { canonicalJson } from '../../../shared/receipts/canonical-json.ts';
import type { Sha256 } from '../../../shared/receipts/log/tree-hashes.ts';
import type { LoggedReceipt, Receipt, SignatureVerdict } from '../../../shared/receipts/receipt.ts';
import { leafHashOfText } from '../../receipts/log/merkle-tree.ts';
import type { ReceiptSealer } from '../../receipts/seal-receipt.ts';
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

/** `hash` is that of the leaf; null for a receipt from before there was a log. */
type StoredReceipt = { id: string; body: string; hash: Sha256 | null };

const SELECT =
  'SELECT receipts.id AS id, body, hash FROM receipts LEFT JOIN log_leaves ON receipt = receipts.seq ' +
  'LEFT JOIN log_nodes ON level = 0 AND place = leaf ';
const OF_JOB = 'WHERE job = (SELECT seq FROM jobs WHERE id = ?) ORDER BY receipts.seq ';
/** JSON writes half a surrogate pair as an escape, RFC 8785 not at all. May also match what is sound. */
const LONE_SURROGATE = /\\ud[89a-f]/;

export function createReceiptRows(db: Database, { judge, seal }: ReceiptSealer): ReceiptRows {
  const appendToLog = createLogAppender(db);
  const insert = db.prepare<unknown[]>('INSERT INTO receipts (id, job, body) VALUES (?, ?, ?)');
  const byId = db.prepare<[string], StoredReceipt>(`${SELECT} WHERE receipts.id = ?`);
  const latest = db.prepare<[string], StoredReceipt>(`${SELECT} ${OF_JOB} DESC LIMIT 1`);
  const all = db.prepare<[string], StoredReceipt>(`${SELECT} ${OF_JOB}`);
  const sealed = (stored: StoredReceipt): Receipt => {
    const receipt = JSON.parse(stored.body) as LoggedReceipt;
    // Version 1 had neither signatures nor a log.
    if (Number(receipt.v) === 1) return receipt as Receipt;
    assertLogged(stored);
    return seal(receipt);
  };
  const sealedIf = (stored: StoredReceipt | undefined) => (stored === undefined ? undefined : sealed(stored));
  return {
    insert: (jobSeq, { id, body }) => {
      const text = LONE_SURROGATE.test(body) ? canonicalJson(JSON.parse(body)) : body;
      appendToLog(insert.run(id, jobSeq, text).lastInsertRowid, text);
    },
    find: (receiptId) => sealedIf(byId.get(receiptId)),
    latestOf: (jobId) => sealedIf(latest.get(jobId)),
    allOf: (jobId) => all.all(jobId).map(sealed),
    judge: (body) => judge(JSON.parse(body) as LoggedReceipt),
  };
}

/** The relay puts its name to nothing that it has not logged. */
function assertLogged({ id, body, hash }: StoredReceipt): void {
  if (hash !== null && Buffer.from(hash).equals(leafHashOfText(body))) return;
  throw new Problem('receipt_log_damaged', `Receipt ${id} is not what was logged. Run sparewatt receipts audit.`);
}
