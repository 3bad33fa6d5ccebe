import { Problem } from '../../../shared/problems/problem.ts';
import type { NodeRecord } from '../store.ts';

export type NodeRow = { node_id: string; public_key: string; name: string; first_seen_at: number };

export const NODE_COLUMNS = 'node_id, public_key, name, first_seen_at';

export function toNodeOrNone(row: NodeRow | undefined): NodeRecord | undefined {
  return row === undefined ? undefined : toNode(row);
}

export function toNode(row: NodeRow): NodeRecord {
  return { nodeId: row.node_id, publicKey: row.public_key, name: row.name, firstSeenAt: row.first_seen_at };
}

/** The key that is stored for a node must be its own. Errors: `node_identity_taken`. */
export function assertSameKey(stored: string | undefined, { nodeId, publicKey }: NodeRecord): void {
  if (stored === publicKey) return;
  throw new Problem(
    'node_identity_taken',
    `The node id ${nodeId} belongs to another key. Bring back the key file of that machine, or choose another name.`,
  );
}
