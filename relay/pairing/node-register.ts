import type { Revocations } from '../fabric/bus/credentials.ts';
import type { RelayLog } from '../log.ts';
import type { ForgottenNode, KnownNode, PairingStore } from '../store/pairing-store.ts';
import { createSortedIds } from './sorted-ids.ts';

/** Every node this relay knows and how it stands with it, at hand without a question to the store. */
export type NodeRegister = {
  get(nodeId: string): KnownNode | undefined;
  /** In no particular order. */
  list(): KnownNode[];
  /** The nodes whose ids come after this text, by id. */
  after(id: string, limit: number): KnownNode[];
  /** Whether any node with this key was shut out, whatever it calls itself now. */
  isKeyRevoked(publicKey: string): boolean;
  /** Whether a node with this key was forgotten, and none is known with it. */
  isKeyForgotten(publicKey: string): boolean;
  /** Adds a node or changes how it stands; a revoked one stays revoked. Errors: `node_identity_taken`. */
  admit(node: KnownNode): Promise<KnownNode>;
  approve(nodeId: string): Promise<KnownNode | undefined>;
  revoke(nodeId: string, at: number): Promise<KnownNode | undefined>;
  /** Forgets a node until it is admitted anew. Returns how it stood; undefined for an unknown one. */
  forget(nodeId: string, at: number): Promise<KnownNode | undefined>;
  label(nodeId: string, labels: Record<string, string>): Promise<KnownNode | undefined>;
  /** Kept in memory at once and on disk within half a minute. */
  noteSeen(nodeId: string, at: number): void;
  /** What the bus must refuse: keys, and until when their tokens were issued. */
  revocations(): Revocations;
  close(): Promise<void>;
};

export type RegisterOptions = { store: PairingStore; log: RelayLog; now: () => number };

const SEEN_INTERVAL_MS = 30_000;
/** No token lives longer than this, so that older revocations need not be told any more. */
const LONGEST_TOKEN_MS = 7 * 24 * 60 * 60 * 1_000;

/**
 * Reads all nodes and keeps them. Errors: `storage_failed`.
 *
 * Invariants: (1) what is here was stored before; (2) `revoked` is left through `approve` alone.
 */
export async function openNodeRegister({ store, log, now }: RegisterOptions): Promise<NodeRegister> {
  const nodes = new Map<string, KnownNode>();
  const ids = createSortedIds();
  const revokedKeys = new Map<string, Set<string>>();
  const forgotten = new Map<string, ForgottenNode>();
  const isHeld = (publicKey: string, besides?: string): boolean =>
    [...nodes.values()].some((node) => node.publicKey === publicKey && node.nodeId !== besides);
  const drop = (node: ForgottenNode): void => {
    nodes.delete(node.nodeId);
    ids.remove(node.nodeId);
    const names = revokedKeys.get(node.publicKey);
    if (names?.delete(node.nodeId) && names.size === 0) revokedKeys.delete(node.publicKey);
    forgotten.set(node.nodeId, node);
  };
  const keep = <Node extends KnownNode | undefined>(node: Node): Node => {
    if (node === undefined) return node;
    forgotten.delete(node.nodeId);
    nodes.set(node.nodeId, node);
    ids.add(node.nodeId);
    const names = revokedKeys.get(node.publicKey) ?? new Set();
    if (node.state === 'revoked') revokedKeys.set(node.publicKey, names.add(node.nodeId));
    else if (names.delete(node.nodeId) && names.size === 0) revokedKeys.delete(node.publicKey);
    return node;
  };
  for (const node of await store.listKnownNodes()) keep(node);
  for (const node of await store.listForgottenNodes()) drop(node);
  const seen = createSeenLog(store, log);

  return {
    get: (nodeId) => nodes.get(nodeId),
    list: () => [...nodes.values()],
    after: (id, limit) => {
      const from = ids.countUpTo(id);
      return ids.all.slice(from, from + limit).flatMap((one) => nodes.get(one) ?? []);
    },
    isKeyRevoked: (publicKey) => revokedKeys.has(publicKey),
    isKeyForgotten: (publicKey) =>
      [...forgotten.values()].some((node) => node.publicKey === publicKey) && !isHeld(publicKey),
    admit: async (node) => keep(await store.admitNode(node)),
    approve: async (nodeId) => keep(await store.approveNode(nodeId)),
    revoke: async (nodeId, at) => keep(await store.revokeNode(nodeId, at)),
    forget: async (nodeId, at) => {
      const node = nodes.get(nodeId);
      if (node === undefined) return undefined;
      // A machine that was renamed keeps its key, and its credentials must go on.
      const left = await store.forgetNode(nodeId, isHeld(node.publicKey, nodeId) ? null : at);
      if (left !== undefined) drop(left);
      return left && node;
    },
    label: async (nodeId, labels) => keep(await store.labelNode(nodeId, labels)),
    noteSeen: (nodeId, at) => {
      const node = nodes.get(nodeId);
      if (node === undefined) return;
      node.lastSeenAt = Math.max(node.lastSeenAt ?? 0, at);
      seen.note(nodeId, at);
    },
    revocations: () => revocationsOf([...nodes.values(), ...forgotten.values()], now()),
    close: seen.close,
  };
}

function revocationsOf(nodes: readonly ForgottenNode[], now: number): Revocations {
  const revocations: Record<string, number> = {};
  for (const { publicKey, revokedAt } of nodes) {
    if (revokedAt === null || revokedAt < now - LONGEST_TOKEN_MS) continue;
    revocations[publicKey] = Math.max(revocations[publicKey] ?? 0, Math.floor(revokedAt / 1_000));
  }
  return revocations;
}

function createSeenLog(store: PairingStore, log: RelayLog) {
  let waiting = new Map<string, number>();
  const write = async (): Promise<void> => {
    if (waiting.size === 0) return;
    const seen = Array.from(waiting, ([nodeId, seenAt]) => ({ nodeId, seenAt }));
    waiting = new Map();
    await store.touchNodes(seen);
  };
  const timer = setInterval(() => {
    write().catch((error: unknown) => log.warn({ err: error }, 'when nodes were last seen could not be written down'));
  }, SEEN_INTERVAL_MS);
  timer.unref();
  return {
    note: (nodeId: string, at: number): void => void waiting.set(nodeId, at),
    close: async (): Promise<void> => {
      clearInterval(timer);
      await write();
    },
  };
}
