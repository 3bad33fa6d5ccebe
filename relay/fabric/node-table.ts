import type { CapabilityDocument, ServedModel } from '../../shared/protocol/capabilities.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';

/** A node with an open session. `reserved` counts the attempts this relay has running on it. */
export type LiveNode = {
  readonly id: string;
  readonly publicKey: string;
  readonly epoch: number;
  readonly instance: string;
  document: CapabilityDocument;
  slots: number;
  reserved: number;
  heardAt: number;
};

export type NodeTableListener = {
  /** A node came, changed or got a free slot: waiting jobs may fit now. */
  onCapacity?(): void;
  /** A node came with this document, or has it in place of an older one. */
  onDocument?(document: CapabilityDocument): void;
  onGone?(node: LiveNode, reason: string): void;
};

export type NodeTable = {
  get(id: string): LiveNode | undefined;
  live(): LiveNode[];
  /** The nodes that serve a model, in no particular order. */
  serving(model: string): ReadonlySet<LiveNode>;
  /** Every model some live node serves, by name. */
  models(): Map<string, ServedModel>;
  /** Puts a node in the table in place of an earlier session of the same node, which is gone. */
  admit(node: Omit<LiveNode, 'reserved'>): void;
  refresh(id: string, document: CapabilityDocument): void;
  heard(id: string, at: number, slots: number): void;
  remove(id: string, reason: string): void;
  /** Removes the nodes whose lease ran out. */
  expire(now: number): void;
  /** Takes one slot of a node. Returns how to give it back. */
  reserve(node: LiveNode): () => void;
  listen(listener: NodeTableListener): void;
};

/**
 * The nodes that count.
 *
 * Invariants: (1) a node is here exactly while its session is open; (2) `byModel` holds exactly the models of the
 * documents of the nodes that are here; (3) a removed node is told to listeners once, before anyone can reserve again.
 */
export function createNodeTable(): NodeTable {
  const nodes = new Map<string, LiveNode>();
  const byModel = new Map<string, Set<LiveNode>>();
  const listeners: NodeTableListener[] = [];
  const none: ReadonlySet<LiveNode> = new Set();

  const unlink = (node: LiveNode): void => {
    for (const { name } of node.document.served_models) {
      const set = byModel.get(name);
      set?.delete(node);
      if (set?.size === 0) byModel.delete(name);
    }
  };
  const link = (node: LiveNode): void => {
    for (const { name } of node.document.served_models) {
      const set = byModel.get(name) ?? new Set();
      byModel.set(name, set.add(node));
    }
  };
  const capacity = (): void => {
    for (const listener of listeners) listener.onCapacity?.();
  };
  const documented = ({ document }: LiveNode): void => {
    for (const listener of listeners) listener.onDocument?.(document);
    capacity();
  };
  const remove = (id: string, reason: string): void => {
    const node = nodes.get(id);
    if (node === undefined) return;
    nodes.delete(id);
    unlink(node);
    for (const listener of listeners) listener.onGone?.(node, reason);
  };

  return {
    get: (id) => nodes.get(id),
    live: () => [...nodes.values()],
    serving: (model) => byModel.get(model) ?? none,
    models: () => {
      const models = new Map<string, ServedModel>();
      for (const node of nodes.values()) for (const model of node.document.served_models) models.set(model.name, model);
      return models;
    },
    admit: (input) => {
      remove(input.id, 'The node opened a new session.');
      const node: LiveNode = { ...input, reserved: 0 };
      nodes.set(node.id, node);
      link(node);
      documented(node);
    },
    refresh: (id, document) => {
      const node = nodes.get(id);
      if (node === undefined) return;
      unlink(node);
      node.document = document;
      link(node);
      documented(node);
    },
    heard: (id, at, slots) => {
      const node = nodes.get(id);
      if (node === undefined) return;
      node.heardAt = at;
      const grew = slots > node.slots;
      node.slots = slots;
      if (grew) capacity();
    },
    remove,
    expire: (now) => {
      for (const node of nodes.values()) {
        if (now - node.heardAt > LIMITS.leaseMs) remove(node.id, 'The node fell silent and its lease ran out.');
      }
    },
    reserve: (node) => {
      node.reserved += 1;
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        node.reserved -= 1;
        capacity();
      };
    },
    listen: (listener) => {
      listeners.push(listener);
    },
  };
}
