import { createNodeSet, type NodeSet } from './node-set.ts';
import type { LiveNode } from './node-table.ts';

/**
 * The nodes that can take a job of one model at this moment, by whether they must load it first; those on probation
 * apart, because they are only asked when no other is free (SPEC T7).
 */
export type FreeNodes = { readonly warm: NodeSet; readonly cold: NodeSet; readonly probation: NodeSet };

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
      if (free === undefined) continue;
      for (const set of [free.warm, free.cold, free.probation]) set.delete(node);
      if (countOf(free) === 0) byModel.delete(name);
    }
  };
  return {
    of: (model) => byModel.get(model),
    displace,
    place: (node) => {
      if (!isOpenToJobs(node) || !hasFreeSlot(node)) return displace(node);
      if (placed.has(node)) return;
      placed.add(node);
      for (const { name, state } of node.document.served_models) {
        const free = byModel.get(name) ?? emptySets();
        byModel.set(name, free);
        if (isOnProbation(node)) free.probation.add(node);
        else (state === 'installed' ? free.cold : free.warm).add(node);
      }
    },
  };
}

function emptySets(): FreeNodes {
  return { warm: createNodeSet(), cold: createNodeSet(), probation: createNodeSet() };
}

export function countOf({ warm, cold, probation }: FreeNodes): number {
  return warm.nodes.length + cold.nodes.length + probation.nodes.length;
}

export function isOnProbation(node: LiveNode): boolean {
  return node.standing.trust === 'probation';
}

/** How many jobs at a time the node is given: what it offers, and one while it is on probation. */
export function slotsOf(node: LiveNode): number {
  return isOnProbation(node) ? Math.min(1, node.slots) : node.slots;
}

/** Why a silent node gets no job, for people. */
export const SILENT = 'It did not answer, and gets no job until it is heard again.';

/** Nobody knows what a silent node's slots do. */
export function hasFreeSlot(node: LiveNode): boolean {
  return !node.isSilent && node.reserved < slotsOf(node);
}

/** Whether the operator lets new jobs go to the node. */
export function isOpenToJobs(node: LiveNode): boolean {
  return node.standing.state === 'active';
}
