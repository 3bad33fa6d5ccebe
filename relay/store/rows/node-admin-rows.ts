import type { NodeDuty } from '../../fabric/nodes/node-standing.ts';
import type { NodeAdminRecord } from '../node-admin-store.ts';

export type NodeAdminRow = { node_id: string; state: NodeDuty; reason: string | null; since: number | null };

export function toNodeAdminRecord({ node_id: nodeId, state, reason, since }: NodeAdminRow): NodeAdminRecord {
  return { nodeId, state, reason, since };
}
