import { Problem } from '../../../shared/problems/problem.ts';
import type { NodeRegister } from '../../pairing/node-register.ts';
import type { NodeAdminRecord, NodeAdminStore } from '../../store/node-admin-store.ts';
import { ACTIVE, type NodeDuty, type NodeStanding } from './node-standing.ts';

/** What an operator does with nodes that stay known. Errors of all changes: `node_not_found`, `storage_failed`. */
export type NodeAdmin = {
  standingOf(nodeId: string): NodeStanding;
  /** No new jobs, for this reason; running ones go on. */
  cordon(nodeId: string, reason: string | null): Promise<NodeStanding>;
  /** The same, with the intent to stop the node once its jobs have ended. */
  drain(nodeId: string, reason: string | null): Promise<NodeStanding>;
  uncordon(nodeId: string): Promise<NodeStanding>;
  /** Sets labels; `null` takes one away, labels not named stay. */
  label(nodeId: string, changes: Readonly<Record<string, string | null>>): Promise<NodeStanding>;
  /** Drops what was decided about a node that the register has forgotten. */
  forget(nodeId: string): void;
  onChange(listener: (nodeId: string, standing: NodeStanding) => void): void;
};

export type NodeAdminPorts = { store: NodeAdminStore; register: NodeRegister; now: () => number };

/** As many as a pairing code may give. */
const LABELS_MOST = 32;

/**
 * Reads what was decided before. Labels and trust are the register's, whether a node is cordoned is kept here.
 *
 * Invariants: (1) a decision is stored before it counts; (2) listeners hear of each one after it counts.
 */
export async function openNodeAdmin({ store, register, now }: NodeAdminPorts): Promise<NodeAdmin> {
  const records = new Map<string, NodeAdminRecord>();
  const listeners: ((nodeId: string, standing: NodeStanding) => void)[] = [];
  for (const record of await store.listNodeAdmin()) records.set(record.nodeId, record);

  const standingOf = (nodeId: string): NodeStanding => {
    const known = register.get(nodeId);
    const { state, reason, since } = records.get(nodeId) ?? ACTIVE;
    return { state, reason, since, labels: known?.labels ?? {}, trust: known?.trust ?? 'probation' };
  };
  const tell = (nodeId: string): NodeStanding => {
    const standing = standingOf(nodeId);
    for (const listener of listeners) listener(nodeId, standing);
    return standing;
  };
  const assertKnown = (nodeId: string): void => {
    if (register.get(nodeId) !== undefined) return;
    throw new Problem('node_not_found', `This relay knows no node "${nodeId}".`, { param: 'id' });
  };
  const decide = async (nodeId: string, state: NodeDuty, reason: string | null): Promise<NodeStanding> => {
    assertKnown(nodeId);
    const before = records.get(nodeId);
    // Saying it again must not make it look new.
    const since = before?.state === state ? before.since : now();
    const record = { nodeId, state, reason, since };
    await store.putNodeAdmin(record);
    records.set(nodeId, record);
    return tell(nodeId);
  };
  return {
    standingOf,
    cordon: (nodeId, reason) => decide(nodeId, 'cordoned', reason),
    drain: (nodeId, reason) => decide(nodeId, 'draining', reason),
    uncordon: (nodeId) => decide(nodeId, 'active', null),
    label: async (nodeId, changes) => {
      assertKnown(nodeId);
      const labels = changed(standingOf(nodeId).labels, changes);
      await register.label(nodeId, labels);
      return tell(nodeId);
    },
    forget: (nodeId) => void records.delete(nodeId),
    onChange: (listener) => {
      listeners.push(listener);
    },
  };
}

function changed(
  labels: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const entries = Object.entries({ ...labels, ...changes });
  const kept = entries.filter((entry): entry is [string, string] => entry[1] !== null);
  if (kept.length <= LABELS_MOST) return Object.fromEntries(kept);
  throw new Problem('invalid_value', `A node has at most ${LABELS_MOST} labels. Take some away with null.`, {
    param: 'labels',
  });
}
