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
  inclusionProof,
  leafHash,
  nodesOfNextLeaf,
  type ReadNode,
  rootOf,
} from '../../receipts/log/merkle-tree.ts';
import type { ReceiptLogStore, StoredLeaf } from '../receipt-log-store.ts';
import { missingNode } from '../rows/stored-receipt.ts';
import type { PostgresAccess, Queries } from './queries.ts';

/** What the next leaf is hashed with: how many there are, and the last full subtree of each level. */
type Edge = { size: number; readonly last: Map<number, HashedNode> };

/** The edge of each transaction. It ends with the `Queries` that were given to it, also when they were undone. */
const edges = new WeakMap<Queries, Edge>();

/** The leaf of one more receipt and the nodes that it adds, to be inserted in the transaction of `db`. */
export async function appendToLog(db: Queries, body: string): Promise<{ leaf: number; nodes: HashedNode[] }> {
  const edge = edges.get(db) ?? (await readEdge(db));
  edges.set(db, edge);
  const leaf = edge.size;
  const nodes = nodesOfNextLeaf(leaf, leafHash(new TextEncoder().encode(body)), (node) => {
    const last = edge.last.get(node.level);
    if (last?.index !== node.index) throw missingNode(node);
    return last.hash;
  });
  for (const node of nodes) edge.last.set(node.level, node);
  edge.size += 1;
  return { leaf, nodes };
}

async function readEdge(db: Queries): Promise<Edge> {
  const size = await sizeOf(db);
  const nodes = await readNodes(db, perfectSubtrees({ from: 0, to: size }));
  return { size, last: new Map(nodes.map((node) => [node.level, node])) };
}

/** The receipt log on PostgreSQL: about two nodes of 32 bytes a receipt, which never change once they are there. */
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
      access.read(async (db) => (await db.one<{ leaf: number }>(LEAF_OF, [receiptId]))?.leaf),
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
      access.read((db) => db.all<TreeNode & { hash: Sha256 }>(NODES, [level, from, limit])),
    strays: ({ after, rows }) =>
      access.readTogether(async (db) => {
        const range = [after, after + rows];
        const last = (await db.one<{ last: number }>(LAST_ROW))?.last ?? 0;
        return {
          receipts: (await db.all<{ id: string }>(STRAY_RECEIPTS, range)).map(({ id }) => id),
          jobs: (await db.all<{ id: string }>(STRAY_JOBS, range)).map(({ id }) => id),
          isLast: last <= after + rows,
        };
      }),
  };
}

/** So that an audit of a database that was taken apart still ends. */
const MOST_STRAYS = 100;

const LEAF_OF = 'SELECT leaf FROM log_leaves JOIN receipts ON receipts.seq = receipt WHERE receipts.id = $1';
const LEAVES =
  'SELECT leaf, receipts.id AS "receiptId", body FROM log_leaves JOIN receipts ON receipts.seq = receipt ' +
  'WHERE leaf >= $1 ORDER BY leaf LIMIT $2';
const NODES =
  'SELECT level, place AS "index", hash FROM log_nodes WHERE level = $1 AND place >= $2 ORDER BY place LIMIT $3';
const NODES_AT =
  'SELECT level, place AS "index", hash FROM log_nodes ' +
  'JOIN unnest($1::integer[], $2::bigint[]) AS wanted (l, p) ON level = l AND place = p';
const LAST_ROW =
  'SELECT GREATEST((SELECT coalesce(max(seq), 0) FROM receipts), (SELECT coalesce(max(seq), 0) FROM jobs)) AS last';
const STRAY_RECEIPTS =
  'SELECT id FROM receipts LEFT JOIN log_leaves ON receipt = receipts.seq ' +
  'WHERE receipts.seq > $1 AND receipts.seq <= $2 ' +
  `AND leaf IS NULL AND body::json ->> 'v' <> '1' LIMIT ${MOST_STRAYS}`;
const STRAY_JOBS =
  'SELECT id FROM jobs WHERE seq > $1 AND seq <= $2 AND seq >= (SELECT job FROM receipts ' +
  'WHERE EXISTS (SELECT 1 FROM log_leaves WHERE receipt = receipts.seq) ORDER BY job LIMIT 1) ' +
  `AND state = 'succeeded' AND NOT EXISTS (SELECT 1 FROM receipts WHERE job = jobs.seq) LIMIT ${MOST_STRAYS}`;

async function sizeOf(db: Queries): Promise<number> {
  const next = await db.one<{ size: number }>('SELECT coalesce(max(leaf) + 1, 0) AS size FROM log_leaves');
  return next?.size ?? 0;
}

function readNodes(db: Queries, nodes: readonly TreeNode[]): Promise<HashedNode[]> {
  return db.all<HashedNode>(NODES_AT, [nodes.map(({ level }) => level), nodes.map(({ index }) => index)]);
}

/** Fetches at once what some ranges consist of. */
async function readerOf(db: Queries, ranges: readonly LeafRange[]): Promise<ReadNode> {
  const nodes = await readNodes(db, ranges.flatMap(perfectSubtrees));
  const hashes = new Map(nodes.map(({ level, index, hash }) => [`${level}/${index}`, hash]));
  return (node) => {
    const hash = hashes.get(`${node.level}/${node.index}`);
    if (hash === undefined) throw missingNode(node);
    return hash;
  };
}
