import type { NodeSummary } from '../../shared/api/nodes.ts';
import type { NodeDirectory } from '../fabric/nodes/node-directory.ts';
import type { LiveNode, NodeTable } from '../fabric/nodes/node-table.ts';
import type { NodeRegister } from '../pairing/node-register.ts';
import type { KnownNode } from '../store/pairing-store.ts';

/** Finds out which nodes look different than before. */
export type NodeChanges = {
  /** Those that do since the call before. */
  take(): NodeSummary[];
  /** The ids of those of them that are known no more, or no longer among the first; each is told once. */
  takeForgotten(): string[];
  /** All as they are now. */
  all(): NodeSummary[];
  forget(): void;
};

export type NodeChangesPorts = {
  register: Pick<NodeRegister, 'after'>;
  table: Pick<NodeTable, 'get'>;
  directory: Pick<NodeDirectory, 'summaryOf'>;
  /** How many nodes, the first by id; more than a person looks at. */
  most: number;
};

/** What the summary of a node is made of, as it was: objects that are replaced when they change, and numbers. */
type Seen = {
  known: KnownNode;
  live: LiveNode | undefined;
  document: LiveNode['document'] | undefined;
  standing: LiveNode['standing'] | undefined;
  reserved: number;
  slots: number;
};

/**
 * Looks at the nodes when it is asked, so that nothing has to tell it of every job that begins or ends. Comparing a node
 * makes no object; what the operator decides about one that is not connected is seen by its summary.
 */
export function createNodeChanges({ register, table, directory, most }: NodeChangesPorts): NodeChanges {
  const seen = new Map<string, Seen>();
  const away = new Map<string, string>();
  const hasChanged = (known: KnownNode): boolean => {
    const live = table.get(known.nodeId);
    if (live === undefined) return hasChangedAway(known);
    away.delete(known.nodeId);
    const before = seen.get(known.nodeId);
    const { document, standing, reserved, slots } = live;
    const isSame =
      before?.known === known &&
      before.live === live &&
      before.document === document &&
      before.standing === standing &&
      before.reserved === reserved &&
      before.slots === slots;
    if (!isSame) seen.set(known.nodeId, { known, live, document, standing, reserved, slots });
    return !isSame;
  };
  const hasChangedAway = ({ nodeId }: KnownNode): boolean => {
    seen.delete(nodeId);
    const summary = JSON.stringify(directory.summaryOf(nodeId));
    if (away.get(nodeId) === summary) return false;
    away.set(nodeId, summary);
    return true;
  };
  const first = (): KnownNode[] => register.after('', most);
  return {
    take: () => first().flatMap((known) => (hasChanged(known) ? (directory.summaryOf(known.nodeId) ?? []) : [])),
    takeForgotten: () => {
      const among = new Set(first().map(({ nodeId }) => nodeId));
      const gone = [...seen.keys(), ...away.keys()].filter((nodeId) => !among.has(nodeId));
      for (const nodeId of gone) if (!seen.delete(nodeId)) away.delete(nodeId);
      return gone;
    },
    all: () => first().flatMap(({ nodeId }) => directory.summaryOf(nodeId) ?? []),
    forget: () => {
      seen.clear();
      away.clear();
    },
  };
}
