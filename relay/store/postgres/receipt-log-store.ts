import type { Sha256 } from '../../../shared/receipts/log/tree-hashes.ts';
import {
  consistencyRanges,
  inclusionRanges,
  type LeafRange,
  perfectSubtrees,
  type TreeNode,
} from '../../../shared/receipts/log/tree-ranges.ts';
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
import type { PostgresAccess, Queries } from './queries.ts';

/** How many leaves each transaction sees. It ends with the `Queries` that were given to it, also when they were undone. */
const sizes = new WeakMap<Queries, number>();

/** The place in the log of one more receipt, to be inserted in the transaction of `db`. */
export async function nextLeaf(db: Queries): Promise<number> {
  const leaf = sizes.get(db) ?? (await sizeOf(db));
  sizes.set(db, leaf + 1);
  return leaf;
}

/** Stores the subtrees that are full with a leaf that was inserted. Errors: `receipt_log_damaged`. */
export async function fillSubtrees(db: Queries, leaf: number): Promise<void> {
  for (const { node, run } of subtreesFilledBy(leaf)) {
    const hash = hashOfRun(takeRun(await readRuns(db, [run]), run));
    await db.run('INSERT INTO log_nodes (level, place, hash) VALUES ($1, $2, $3)', [
      node.level,
      node.index,
      Buffer.from(hash),
    ]);
  }
}

/** The receipt log on PostgreSQL: a receipt's row holds its leaf, and every sixteenth fills a node. */
export function createReceiptLogStore(access: PostgresAccess): ReceiptLogStore {
  const prove = <T>(ranges: () => LeafRange[], make: (read: ReadNode) => T): Promise<T> =>
    access.read(async (db) => make(await readerOf(db, ranges())));
  return {
    treeState: () =>
      access.read(async (db) => {
        const size = await sizeOf(db);
        return { size, root: rootOf(size, await readerOf(db, [{ from: 0, to: size }])) };
      }),
    rootAt: (size) =>
      prove(
        () => [{ from: 0, to: size }],
        (read) => rootOf(size, read),
      ),
    leafOfReceipt: (receiptId) =>
      access.read(async (db) => (await db.one<{ leaf: number | null }>(LEAF_OF, [receiptId]))?.leaf ?? undefined),
    inclusionPath: (leaf, size) =>
      prove(
        () => inclusionRanges(leaf, size),
        (read) => inclusionProof(leaf, size, read),
      ),
    consistencyPath: (older, newer) =>
      prove(
        () => consistencyRanges(older, newer),
        (read) => consistencyProof(older, newer, read),
      ),
    listLeaves: ({ from, limit }) => access.read((db) => db.all<StoredLeaf>(LEAVES, [from, limit])),
    listTreeNodes: ({ level, from, limit }) =>
      access.read((db) =>
        level === 0 ? db.all<HashedNode>(LEAF_HASHES, [from, limit]) : db.all<HashedNode>(NODES, [level, from, limit]),
      ),
    strays: ({ after, rows }) =>
      access.readTogether(async (db) => {
        const range = [after, after + rows];
        const last = (await db.one<{ last: number }>(LAST_ROW))?.last ?? 0;
        return {
          receipts: idsOfStrays(await db.all<{ id: string; body: string }>(UNPLACED, range)),
          jobs: (await db.all<{ id: string }>(STRAY_JOBS, range)).map(({ id }) => id),
          isLast: last <= after + rows,
        };
      }),
  };
}

const LEAF_OF = 'SELECT leaf FROM receipts WHERE id = $1';
const LEAVES = 'SELECT leaf, id AS "receiptId", body FROM receipts WHERE leaf >= $1 ORDER BY leaf LIMIT $2';
const LEAF_HASHES =
  'SELECT 0 AS level, leaf AS "index", leaf_hash AS hash FROM receipts ' +
  'WHERE leaf >= $1 AND leaf_hash IS NOT NULL ORDER BY leaf LIMIT $2';
const NODES =
  'SELECT level, place AS "index", hash FROM log_nodes WHERE level = $1 AND place >= $2 ORDER BY place LIMIT $3';
/** Of some runs at once, each a level, its first place and the one after its last. */
const RUNS = `
SELECT level, place AS "index", hash FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS run (l, first, behind)
JOIN log_nodes ON l > 0 AND level = l AND place >= first AND place < behind
UNION ALL
SELECT 0, leaf, leaf_hash FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS run (l, first, behind)
JOIN receipts ON l = 0 AND leaf >= first AND leaf < behind WHERE leaf_hash IS NOT NULL`;
const LAST_ROW =
  'SELECT GREATEST((SELECT coalesce(max(seq), 0) FROM receipts), (SELECT coalesce(max(seq), 0) FROM jobs)) AS last';
const UNPLACED = 'SELECT id, body FROM receipts WHERE seq > $1 AND seq <= $2 AND (leaf IS NULL OR leaf < 0)';
const STRAY_JOBS =
  'SELECT id FROM jobs WHERE seq > $1 AND seq <= $2 AND seq >= (SELECT job FROM receipts ' +
  'WHERE leaf IS NOT NULL ORDER BY job LIMIT 1) ' +
  `AND state = 'succeeded' AND NOT EXISTS (SELECT 1 FROM receipts WHERE job = jobs.seq) LIMIT ${MOST_STRAYS}`;

async function sizeOf(db: Queries): Promise<number> {
  const next = await db.one<{ size: number }>('SELECT coalesce(max(leaf) + 1, 0) AS size FROM receipts');
  return next?.size ?? 0;
}

type HashAt = (node: TreeNode) => Sha256;

async function readRuns(db: Queries, runs: readonly NodeRun[]): Promise<HashAt> {
  const nodes = await db.all<HashedNode>(RUNS, [
    runs.map(({ level }) => level),
    runs.map(({ index }) => index),
    runs.map(({ index, count }) => index + count),
  ]);
  const hashes = new Map(nodes.map(({ level, index, hash }) => [`${level}/${index}`, hash]));
  return (node) => {
    const hash = hashes.get(`${node.level}/${node.index}`);
    if (hash === undefined) throw missingNode(node);
    return hash;
  };
}

function takeRun(hashAt: HashAt, { level, index, count }: NodeRun): Sha256[] {
  return Array.from({ length: count }, (_, at) => hashAt({ level, index: index + at }));
}

/** Fetches at once what some ranges consist of. */
async function readerOf(db: Queries, ranges: readonly LeafRange[]): Promise<ReadNode> {
  const hashAt = await readRuns(db, ranges.flatMap(perfectSubtrees).map(storedRunOf));
  return (node) => hashOfRun(takeRun(hashAt, storedRunOf(node)));
}
