import { createNodeSet, type NodeSet } from './node-set.ts';
import type { LiveNode } from './node-table.ts';

/** The nodes that can take a job of one model at this moment, by whether they must load it first. */
export type FreeNodes = { readonly warm: NodeSet; readonly cold: NodeSet };

/** Which nodes have a free slot, by model: ten thousand busy nodes must not cost a look each. */
export type FreeNodeIndex = {
  of(model: string): FreeNodes | undefined;
  /** Puts a node where its slots and its document say; called after either has changed. */
  place(node: LiveNode): void;
  /** Takes a node out under the document it was placed with; called before that changes and when the node is gone. */
  displace(node: LiveNode): void;
};

/** Invariant: a node is listed under the models of its document exactly while it is open to jobs and has a free slot. */
export function createFreeNodeIndex(): FreeNodeIndex {
  const byModel = new Map<string, FreeNodes>();
  const placed = new Set<LiveNode>();

  const displace = (node: LiveNode): void => {
    if (!placed.delete(node)) return;
    for (const { name } of node.document.served_models) {
      const free = byModel.get(name);
      free?.warm.delete(node);
      free?.cold.delete(node);
      if (free?.warm.nodes.length === 0 && free.cold.nodes.length === 0) byModel.delete(name);
    }
  };
  return {
    of: (model) => byModel.get(model),
    displace,
    place: (node) => {
      if (!isOpenToJobs(node) || node.reserved >= node.slots) return displace(node);
      if (placed.has(node)) return;
      placed.add(node);
      for (const { name, state } of node.document.served_models) {
        const free = byModel.get(name) ?? { warm: createNodeSet(), cold: createNodeSet() };
        byModel.set(name, free);
        (state === 'installed' ? free.cold : free.warm).add(node);
      }
    },
  };
}

/** Whether the operator lets new jobs go to the node. */
export function isOpenToJobs(node: LiveNode): boolean {
  return node.standing.state === 'active';
}
