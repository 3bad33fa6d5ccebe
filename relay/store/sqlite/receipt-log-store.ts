import type { Database } from 'better-sqlite3';
import type { Sha256 } from '../../../shared/receipts/log/tree-hashes.ts';
import {
  consistencyProof,
  type HashedNode,
  hashOfRun,
  inclusionProof,
  type NodeRun,
  type ReadNode,
  rootOf,
  storedRunOf,
  subtreesFilledBy,
} from '../../receipts/log/merkle-tree.ts';
import type { ReceiptLogStore, StoredLeaf } from '../receipt-log-store.ts';
import { idsOfStrays, MOST_STRAYS, missingNode } from '../rows/stored-receipt.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** The place that the next receipt gets in the log, and what is done once it is there. Both run in its transaction. */
export type LogAppender = { nextLeaf(): number; onAppended(leaf: number): void };

export function createLogAppender(db: Database): LogAppender {
  const readRun = runReader(db);
  const insertNode = db.prepare<unknown[]>('INSERT INTO log_nodes (level, place, hash) VALUES (?, ?, ?)');
  return {
    nextLeaf: nextLeafOf(db),
    onAppended: (leaf) => {
      for (const { node, run } of subtreesFilledBy(leaf)) {
        insertNode.run(node.level, node.index, hashOfRun(readRun(run)));
      }
    },
  };
}

/** The receipt log on SQLite: a receipt's row holds its leaf, and every sixteenth fills a node. */
export function createReceiptLogStore(db: Database, access: SqliteAccess): ReceiptLogStore {
  const statements = prepareStatements(db);
  const readRun = runReader(db);
  const read: ReadNode = (node) => hashOfRun(readRun(storedRunOf(node)));
  const nextLeaf = nextLeafOf(db);
  const { unplaced, strayJobs, lastRow } = statements;
  return {
    treeState: () =>
      access.read(() => {
        const size = nextLeaf();
        return { size, root: rootOf(size, read) };
      }),
    rootAt: (size) => access.read(() => rootOf(size, read)),
    leafOfReceipt: (receiptId) => access.read(() => statements.leafOf.get(receiptId) ?? undefined),
    inclusionPath: (leaf, size) => access.read(() => inclusionProof(leaf, size, read)),
    consistencyPath: (older, newer) => access.read(() => consistencyProof(older, newer, read)),
    listLeaves: ({ from, limit }) => access.read(() => statements.leaves.all(from, limit)),
    listTreeNodes: ({ level, from, limit }) =>
      access.read(() =>
        level === 0 ? statements.leafHashes.all(from, limit) : statements.nodes.all(level, from, limit),
      ),
    strays: ({ after, rows }) =>
      access.read(() => {
        const to = after + rows;
        const isLast = (lastRow.get() ?? 0) <= to;
        return { receipts: idsOfStrays(unplaced.all(after, to)), jobs: strayJobs.all(after, to), isLast };
      }),
  };
}

function prepareStatements(db: Database) {
  const strayJobs =
    'SELECT id FROM jobs WHERE seq > ? AND seq <= ? AND seq >= (SELECT job FROM receipts ' +
    'WHERE leaf IS NOT NULL ORDER BY job LIMIT 1) ' +
    `AND state = 'succeeded' AND NOT EXISTS (SELECT 1 FROM receipts WHERE job = jobs.seq) LIMIT ${MOST_STRAYS}`;
  return {
    leafOf: db.prepare<[string], number | null>('SELECT leaf FROM receipts WHERE id = ?').pluck(),
    leaves: db.prepare<[number, number], StoredLeaf>(
      'SELECT leaf, id AS receiptId, body FROM receipts WHERE leaf >= ? ORDER BY leaf LIMIT ?',
    ),
    leafHashes: db.prepare<[number, number], HashedNode>(
      'SELECT 0 AS level, leaf AS "index", leaf_hash AS hash FROM receipts ' +
        'WHERE leaf >= ? AND leaf_hash IS NOT NULL ORDER BY leaf LIMIT ?',
    ),
    nodes: db.prepare<[number, number, number], HashedNode>(
      'SELECT level, place AS "index", hash FROM log_nodes WHERE level = ? AND place >= ? ORDER BY place LIMIT ?',
    ),
    unplaced: db.prepare<[number, number], { id: string; body: string }>(
      'SELECT id, body FROM receipts WHERE seq > ? AND seq <= ? AND (leaf IS NULL OR leaf < 0)',
    ),
    strayJobs: db.prepare<[number, number], string>(strayJobs).pluck(),
    lastRow: db
      .prepare<[], number>(
        'SELECT max(coalesce((SELECT max(seq) FROM receipts), 0), coalesce((SELECT max(seq) FROM jobs), 0))',
      )
      .pluck(),
  };
}

function nextLeafOf(db: Database): () => number {
  const next = db.prepare<[], number>('SELECT coalesce(max(leaf) + 1, 0) FROM receipts').pluck();
  return () => next.get() ?? 0;
}

/** Reads stored subtrees that lie side by side. Errors: `receipt_log_damaged` when one is missing. */
function runReader(db: Database): (run: NodeRun) => Sha256[] {
  const { leafHashes, nodes } = prepareStatements(db);
  return ({ level, index, count }) => {
    const found = level === 0 ? leafHashes.all(index, count) : nodes.all(level, index, count);
    const missing = found.findIndex((node, at) => node.index !== index + at);
    const end = missing < 0 ? found.length : missing;
    if (end < count) throw missingNode({ level, index: index + end });
    return found.map(({ hash }) => hash);
  };
}
