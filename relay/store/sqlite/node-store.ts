import type { Database } from 'better-sqlite3';
import { assertSameKey, NODE_COLUMNS, type NodeRow, toNode, toNodeOrNone } from '../rows/node-rows.ts';
import type { NodeRecord, NodeStore } from '../store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** Node store on SQLite. */
export function createNodeStore(db: Database, access: SqliteAccess): NodeStore {
  const statements = prepareStatements(db);
  return {
    rememberNode: (node) => access.write(() => insertNode(statements, node)),
    findNode: (nodeId) => access.read(() => toNodeOrNone(statements.byId.get(nodeId))),
    listNodes: () => access.read(() => statements.all.all().map(toNode)),
    nextEpoch: (nodeId) => access.write(() => advanceEpoch(statements, nodeId)),
  };
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: Database) {
  return {
    insert: db.prepare<[string, string, string, number]>(
      `INSERT INTO nodes (${NODE_COLUMNS}) VALUES (?, ?, ?, ?) ON CONFLICT (node_id) DO NOTHING`,
    ),
    byId: db.prepare<[string], NodeRow>(`SELECT ${NODE_COLUMNS} FROM nodes WHERE node_id = ?`),
    all: db.prepare<[], NodeRow>(`SELECT ${NODE_COLUMNS} FROM nodes ORDER BY seq`),
    advance: db
      .prepare<[string], number>(
        'INSERT INTO node_epochs (node_id, epoch) VALUES (?, 1) ' +
          'ON CONFLICT (node_id) DO UPDATE SET epoch = epoch + 1 RETURNING epoch',
      )
      .pluck(),
  };
}

function insertNode(statements: Statements, node: NodeRecord): NodeRecord {
  statements.insert.run(node.nodeId, node.publicKey, node.name, node.firstSeenAt);
  const stored = toNodeOrNone(statements.byId.get(node.nodeId)) ?? node;
  assertSameKey(stored.publicKey, node);
  return stored;
}

function advanceEpoch(statements: Statements, nodeId: string): number {
  const epoch = statements.advance.get(nodeId);
  if (epoch === undefined) throw new Error(`no epoch came back for ${nodeId}`);
  return epoch;
}
