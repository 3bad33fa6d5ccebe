import { slugOf } from '../../../shared/identity/node-id.ts';
import type { CapabilityDocument, ServedModel } from '../../../shared/protocol/capabilities.ts';
import { createFreeNodeIndex, type FreeNodes, isOpenToJobs } from './free-nodes.ts';
import { isLeaseOver } from './lease-sweep.ts';
import { ACTIVE, type NodeStanding } from './node-standing.ts';

/** A node with an open session. `reserved` counts the attempts this relay has running on it. */
export type LiveNode = {
  readonly id: string;
  /** The readable part of the id; several nodes may share it. */
  readonly slug: string;
  readonly publicKey: string;
  readonly epoch: number;
  readonly instance: string;
  document: CapabilityDocument;
  slots: number;
  /** Slots taken at its last beat, by whomever. */
  used: number;
  /** Jobs by model at its last beat; undefined when there were none. */
  inUse: Readonly<Record<string, number>> | undefined;
  reserved: number;
  heardAt: number;
  /** What the operator decided about the node. */
  standing: NodeStanding;
  /** How long an answer to the relay takes, or null before one was timed (SPEC S11). */
  roundTripMs: number | null;
  /** Counts sessions and reservations of the pool: of two nodes the smaller came, or had its turn, first. */
  readonly admitted: number;
  lastReserved: number;
  /** It did not answer when it was asked, and has not been heard since (SPEC S12). */
  isSilent: boolean;
};

/** What is known of a node when its session opens. */
export type Admission = Omit<
  LiveNode,
  'slug' | 'used' | 'inUse' | 'reserved' | 'standing' | 'roundTripMs' | 'admitted' | 'lastReserved' | 'isSilent'
> & {
  roundTripMs?: number;
};

const IDLE: Work = { used: 0, inUse: undefined };
/** A line that has become slower is known after a few answers; a single late one hardly counts. */
const SLOWER_WEIGHT = 0.25;

export type NodeTableListener = {
  /** This node came, changed or got a free slot: waiting jobs may fit on it now. */
  onCapacity?(node: LiveNode): void;
  /** This node is here and takes no more jobs, because of its owner or the operator. */
  onClosed?(node: LiveNode): void;
  /** A node came with this document, or has it in place of an older one. */
  onDocument?(document: CapabilityDocument): void;
  onGone?(node: LiveNode, reason: string): void;
};

/** What a node said in a beat that it is busy with. */
export type Work = Pick<LiveNode, 'used' | 'inUse'>;

export type NodeTable = {
  get(id: string): LiveNode | undefined;
  live(): LiveNode[];
  /** The nodes that serve a model, in no particular order. */
  serving(model: string): ReadonlySet<LiveNode>;
  /** Those of them that are open to jobs and have a free slot. */
  free(model: string): FreeNodes | undefined;
  /** The live nodes with this id or slug. */
  named(name: string): ReadonlySet<LiveNode>;
  /** Every model some live node serves, by name. */
  models(): Map<string, ServedModel>;
  /** Whether some node serves a model of this type. */
  servesType(type: ServedModel['type']): boolean;
  /** Puts a node in the table in place of an earlier session of the same node, which is gone. */
  admit(node: Admission): void;
  refresh(id: string, document: CapabilityDocument): void;
  heard(id: string, at: number, slots: number, work?: Work): void;
  /** Notes how long the node took to answer. */
  timed(id: string, roundTripMs: number): void;
  /** Gives a node no new jobs until it is heard again. */
  setSilent(node: LiveNode, isSilent: boolean): void;
  /** Applies what the operator decided about a node, if it is here. */
  setStanding(id: string, standing: NodeStanding): void;
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
 * documents of the nodes that are here; (3) a removed node is told to listeners once, before anyone can reserve again;
 * (4) the index of free nodes is true whenever a listener is called.
 */
export function createNodeTable(standingOf: (nodeId: string) => NodeStanding = () => ACTIVE): NodeTable {
  const nodes = new Map<string, LiveNode>();
  const byModel = new Map<string, Set<LiveNode>>();
  const bySlug = new Map<string, Set<LiveNode>>();
  const free = createFreeNodeIndex();
  const listeners: NodeTableListener[] = [];
  const none: ReadonlySet<LiveNode> = new Set();
  let admissions = 0;
  let reservations = 0;

  const unlink = (node: LiveNode): void => {
    free.displace(node);
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
    free.place(node);
  };
  const capacity = (node: LiveNode): void => {
    for (const listener of listeners) listener.onCapacity?.(node);
  };
  const lookIfClosed = (node: LiveNode): void => {
    if (node.slots > 0 && isOpenToJobs(node)) return;
    for (const listener of listeners) listener.onClosed?.(node);
  };
  const documented = (node: LiveNode): void => {
    for (const listener of listeners) listener.onDocument?.(node.document);
    capacity(node);
  };
  const remove = (id: string, reason: string): void => {
    const node = nodes.get(id);
    if (node === undefined) return;
    nodes.delete(id);
    unlink(node);
    const namesakes = bySlug.get(node.slug);
    namesakes?.delete(node);
    if (namesakes?.size === 0) bySlug.delete(node.slug);
    for (const listener of listeners) listener.onGone?.(node, reason);
  };

  const setSilent = (node: LiveNode, isSilent: boolean): void => {
    if (nodes.get(node.id) !== node || node.isSilent === isSilent) return;
    node.isSilent = isSilent;
    free.place(node);
    if (!isSilent) capacity(node);
  };

  return {
    get: (id) => nodes.get(id),
    live: () => [...nodes.values()],
    serving: (model) => byModel.get(model) ?? none,
    free: (model) => free.of(model),
    named: (name) => {
      const node = nodes.get(name);
      return node === undefined ? (bySlug.get(name) ?? none) : new Set([node]);
    },
    models: () => {
      const models = new Map<string, ServedModel>();
      for (const node of nodes.values()) for (const model of node.document.served_models) models.set(model.name, model);
      return models;
    },
    servesType: (type) => {
      for (const { document } of nodes.values())
        if (document.served_models.some((model) => model.type === type)) return true;
      return false;
    },
    admit: (input) => {
      remove(input.id, 'The node opened a new session.');
      const node: LiveNode = {
        roundTripMs: null,
        ...input,
        slug: slugOf(input.id),
        ...IDLE,
        reserved: 0,
        standing: standingOf(input.id),
        admitted: ++admissions,
        lastReserved: 0,
        isSilent: false,
      };
      nodes.set(node.id, node);
      bySlug.set(node.slug, (bySlug.get(node.slug) ?? new Set()).add(node));
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
      lookIfClosed(node);
    },
    heard: (id, at, slots, { used, inUse } = IDLE) => {
      const node = nodes.get(id);
      if (node === undefined) return;
      node.heardAt = at;
      const grew = slots > node.slots || node.isSilent;
      const hasClosed = slots === 0 && node.slots > 0;
      node.slots = slots;
      node.used = used;
      node.inUse = inUse;
      node.isSilent = false;
      free.place(node);
      if (grew) capacity(node);
      if (hasClosed) lookIfClosed(node);
    },
    timed: (id, roundTripMs) => {
      const node = nodes.get(id);
      if (node === undefined) return;
      const slowerBy = roundTripMs - (node.roundTripMs ?? roundTripMs);
      node.roundTripMs = slowerBy > 0 ? roundTripMs - slowerBy * (1 - SLOWER_WEIGHT) : roundTripMs;
      setSilent(node, false);
    },
    setSilent,
    setStanding: (id, standing) => {
      const node = nodes.get(id);
      if (node === undefined) return;
      // Its place depends on how it stands, not only whether it has one.
      free.displace(node);
      node.standing = standing;
      free.place(node);
      capacity(node);
      lookIfClosed(node);
    },
    remove,
    expire: (now) => {
      for (const node of nodes.values()) {
        if (isLeaseOver(node, now)) remove(node.id, 'The node fell silent and its lease ran out.');
      }
    },
    reserve: (node) => {
      node.reserved += 1;
      node.lastReserved = ++reservations;
      const isHere = (): boolean => nodes.get(node.id) === node;
      if (isHere()) free.place(node);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        node.reserved -= 1;
        // A slot of a session that is over is nobody's.
        if (!isHere()) return;
        free.place(node);
        capacity(node);
      };
    },
    listen: (listener) => {
      listeners.push(listener);
    },
  };
}
