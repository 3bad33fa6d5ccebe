import type { NodeDuty } from '../fabric/nodes/node-standing.ts';

/** Whether an operator has closed a node to new jobs, why and since when (milliseconds since 1970). */
export type NodeAdminRecord = { nodeId: string; state: NodeDuty; reason: string | null; since: number | null };

export interface NodeAdminStore {
  /** Takes the place of what was decided before. */
  putNodeAdmin(record: NodeAdminRecord): Promise<void>;
  /** Every node that something was ever decided about, by id. */
  listNodeAdmin(): Promise<NodeAdminRecord[]>;
}
