import type { Database } from 'better-sqlite3';
import type { NodeAdminStore } from '../node-admin-store.ts';
import { type NodeAdminRow, toNodeAdminRecord } from '../rows/node-admin-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** What operators decided about nodes, on SQLite. */
export function createNodeAdminStore(db: Database, access: SqliteAccess): NodeAdminStore {
  const put = db.prepare<[string, string, string | null, number | null]>(
    'INSERT INTO node_admin (node_id, state, reason, since) VALUES (?, ?, ?, ?) ' +
      'ON CONFLICT (node_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, since = excluded.since',
  );
  const all = db.prepare<[], NodeAdminRow>('SELECT node_id, state, reason, since FROM node_admin ORDER BY node_id');
  return {
    putNodeAdmin: ({ nodeId, state, reason, since }) => access.write(() => void put.run(nodeId, state, reason, since)),
    listNodeAdmin: () => access.read(() => all.all().map(toNodeAdminRecord)),
  };
}
