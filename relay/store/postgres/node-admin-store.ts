import type { NodeAdminStore } from '../node-admin-store.ts';
import { type NodeAdminRow, toNodeAdminRecord } from '../rows/node-admin-rows.ts';
import type { PostgresAccess } from './queries.ts';

const PUT =
  'INSERT INTO node_admin (node_id, state, reason, since) VALUES ($1, $2, $3, $4) ' +
  'ON CONFLICT (node_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, since = excluded.since';
const ALL = 'SELECT node_id, state, reason, since FROM node_admin ORDER BY node_id';

/** What operators decided about nodes, on PostgreSQL. */
export function createNodeAdminStore(access: PostgresAccess): NodeAdminStore {
  return {
    putNodeAdmin: ({ nodeId, state, reason, since }) =>
      access.write(async (db) => void (await db.run(PUT, [nodeId, state, reason, since]))),
    listNodeAdmin: () => access.read(async (db) => (await db.all<NodeAdminRow>(ALL)).map(toNodeAdminRecord)),
  };
}
