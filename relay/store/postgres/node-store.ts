import { assertSameKey, NODE_COLUMNS, type NodeRow, toNode, toNodeOrNone } from '../rows/node-rows.ts';
import type { NodeStore } from '../store.ts';
import { type PostgresAccess, placesOf } from './queries.ts';

const INSERT = `INSERT INTO nodes (${NODE_COLUMNS}) VALUES (${placesOf(NODE_COLUMNS)}) ON CONFLICT (node_id) DO NOTHING`;
const SELECT = `SELECT ${NODE_COLUMNS} FROM nodes`;
const ADVANCE =
  'INSERT INTO node_epochs AS e (node_id, epoch) VALUES ($1, 1) ' +
  'ON CONFLICT (node_id) DO UPDATE SET epoch = e.epoch + 1 RETURNING epoch';

/** Node store on PostgreSQL. */
export function createNodeStore(access: PostgresAccess): NodeStore {
  return {
    rememberNode: (node) =>
      access.write(async (db) => {
        await db.run(INSERT, [node.nodeId, node.publicKey, node.name, node.firstSeenAt]);
        const row = await db.one<NodeRow>(`${SELECT} WHERE node_id = $1`, [node.nodeId]);
        const stored = toNodeOrNone(row) ?? node;
        assertSameKey(stored.publicKey, node);
        return stored;
      }),
    findNode: (nodeId) =>
      access.read(async (db) => toNodeOrNone(await db.one<NodeRow>(`${SELECT} WHERE node_id = $1`, [nodeId]))),
    listNodes: () => access.read(async (db) => (await db.all<NodeRow>(`${SELECT} ORDER BY seq`)).map(toNode)),
    nextEpoch: (nodeId) =>
      access.write(async (db) => {
        const row = await db.one<{ epoch: number }>(ADVANCE, [nodeId]);
        if (row === undefined) throw new Error(`no epoch came back for ${nodeId}`);
        return row.epoch;
      }),
  };
}
