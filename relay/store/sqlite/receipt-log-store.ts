import type { Database } from 'better-sqlite3';
import type { Sha256 } from '../../../shared/receipts/log/tree-hashes.ts';
import type { TreeNode } from '../../../shared/receipts/log/tree-ranges.ts';
import { consistencyProof, inclusionProof, leafHash, nodesOfNextLeaf, rootOf } from '../../receipts/log/merkle-tree.ts';
import type { ReceiptLogStore, StoredLeaf } from '../receipt-log-store.ts';
import { missingNode } from '../rows/stored-receipt.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** Adds a receipt to the log; runs in the transaction that inserts it, so that there is never one without the other. */
export type LogAppender = (receiptSeq: number | bigint, body: string) => void;

export function createLogAppender(db: Database): LogAppender {
  const read = nodeReader(db);
  const nextLeaf = nextLeafOf(db);
  const insertLeaf = db.prepare<unknown[]>('INSERT INTO log_leaves (leaf, receipt) VALUES (?, ?)');
  const insertNode = db.prepare<unknown[]>('INSERT INTO log_nodes (level, place, hash) VALUES (?, ?, ?)');
  return (receiptSeq, body) => {
    const leaf = nextLeaf();
    insertLeaf.run(leaf, receiptSeq);
    for (const node of nodesOfNextLeaf(leaf, leafHash(new TextEncoder().encode(body)), read)) {
      insertNode.run(node.level, node.index, node.hash);
    }
  };
}

/** The receipt log on SQLite: about two nodes of 32 bytes a receipt. */
export function createReceiptLogStore(db: Database, access: SqliteAccess): ReceiptLogStore {
  const statements = prepareStatements(db);
  const read = nodeReader(db);
  const nextLeaf = nextLeafOf(db);
  const { strayReceipts, strayJobs, lastRow } = statements;
  return {
    treeState: () =>
      access.read(() => {
        const size = nextLeaf();
        return { size, root: rootOf(size, read) };
      }),
    rootAt: (size) => access.read(() => rootOf(size, read)),
    leafOfReceipt: (receiptId) => access.read(() => statements.leafOf.get(receiptId)),
    inclusionPath: (leaf, size) => access.read(() => inclusionProof(leaf, size, read)),
    consistencyPath: (older, newer) => access.read(() => consistencyProof(older, newer, read)),
    listLeaves: ({ from, limit }) => access.read(() => statements.leaves.all(from, limit)),
    listTreeNodes: ({ level, from, limit }) => access.read(() => statements.nodes.all(level, from, limit)),
    strays: ({ after, rows }) =>
      access.read(() => {
        const to = after + rows;
        const isLast = (lastRow.get() ?? 0) <= to;
        return { receipts: strayReceipts.all(after, to), jobs: strayJobs.all(after, to), isLast };
      }),
  };
}

/** So that an audit of a database that was taken apart still ends. */
const MOST_STRAYS = 100;

function prepareStatements(db: Database) {
  const leaves =
    'SELECT leaf, receipts.id AS receiptId, body FROM log_leaves JOIN receipts ON receipts.seq = receipt ' +
    'WHERE leaf >= ? ORDER BY leaf LIMIT ?';
  const strayReceipts =
    'SELECT id FROM receipts LEFT JOIN log_leaves ON receipt = receipts.seq ' +
    'WHERE receipts.seq > ? AND receipts.seq <= ? ' +
    `AND leaf IS NULL AND json_extract(body, '$.v') <> 1 LIMIT ${MOST_STRAYS}`;
  const strayJobs =
    'SELECT id FROM jobs WHERE seq > ? AND seq <= ? AND seq >= (SELECT job FROM receipts ' +
    'WHERE EXISTS (SELECT 1 FROM log_leaves WHERE receipt = receipts.seq) ORDER BY job LIMIT 1) ' +
    `AND state = 'succeeded' AND NOT EXISTS (SELECT 1 FROM receipts WHERE job = jobs.seq) LIMIT ${MOST_STRAYS}`;
  return {
    leafOf: db
      .prepare<[string], number>(
        'SELECT leaf FROM log_leaves JOIN receipts ON receipts.seq = receipt WHERE receipts.id = ?',
      )
      .pluck(),
    leaves: db.prepare<[number, number], StoredLeaf>(leaves),
    nodes: db.prepare<[number, number, number], TreeNode & { hash: Sha256 }>(
      'SELECT level, place AS "index", hash FROM log_nodes WHERE level = ? AND place >= ? ORDER BY place LIMIT ?',
    ),
    strayReceipts: db.prepare<[number, number], string>(strayReceipts).pluck(),
    strayJobs: db.prepare<[number, number], string>(strayJobs).pluck(),
    lastRow: db
      .prepare<[], number>(
        'SELECT max(coalesce((SELECT max(seq) FROM receipts), 0), coalesce((SELECT max(seq) FROM jobs), 0))',
      )
      .pluck(),
  };
}

function nextLeafOf(db: Database): () => number {
  const next = db.prepare<[], number>('SELECT coalesce(max(leaf) + 1, 0) FROM log_leaves').pluck();
  return () => next.get() ?? 0;
}

function nodeReader(db: Database): (node: TreeNode) => Sha256 {
  const hashOf = db
    .prepare<[number, number], Sha256>('SELECT hash FROM log_nodes WHERE level = ? AND place = ?')
    .pluck();
  return (node) => {
    const hash = hashOf.get(node.level, node.index);
    if (hash === undefined) throw missingNode(node);
    return hash;
  };
}
