import type { NodeRecord } from './store.ts';

const NODE_STATES = ['active', 'pending', 'revoked'] as const;
const NODE_TRUSTS = ['paired', 'local', 'approved', 'probation'] as const;

/** What a node may do: `pending` waits for the operator, `revoked` was shut out. */
export type NodeState = (typeof NODE_STATES)[number];

/**
 * Why it is trusted: it had a code or the admin token, runs on the relay's machine, or came uninvited to an open relay
 * and was approved since. On `probation` it came uninvited and nobody has looked at it yet.
 */
export type NodeTrust = (typeof NODE_TRUSTS)[number];

/** A machine this relay knows, and how it stands with it. */
export type KnownNode = NodeRecord & {
  state: NodeState;
  trust: NodeTrust;
  labels: Record<string, string>;
  pairedAt: number | null;
  lastSeenAt: number | null;
  /** Credentials from before this moment are void, also when the node was approved again. */
  revokedAt: number | null;
};

/** What is left of a node that was forgotten: nobody else gets its id, and its older credentials stay void. */
export type ForgottenNode = Pick<KnownNode, 'nodeId' | 'publicKey' | 'revokedAt'>;

/** A one-time code. Its secret proves knowledge of the code and does not lead back to it. */
export type PairingCodeRecord = {
  codeId: string;
  secret: string;
  /** What the node that uses it is labelled with. */
  labels: Record<string, string>;
  createdAt: number;
  expiresAt: number;
  usedAt: number | null;
  usedBy: string | null;
};

export type CodeClaim = { codeId: string; nodeId: string; at: number };
export type NodeSeen = { nodeId: string; seenAt: number };

export interface PairingStore {
  putCode(code: PairingCodeRecord): Promise<void>;
  findCode(codeId: string): Promise<PairingCodeRecord | undefined>;
  /** Takes a code for one node; of two that reach for it one gets it. The same node may take it again. */
  claimCode(claim: CodeClaim): Promise<'claimed' | 'used' | 'expired' | 'unknown'>;
  /** The codes made last, newest first. */
  listCodes(limit: number): Promise<PairingCodeRecord[]>;
  /** Ends a code at a moment, if it would live longer. Undefined for an unknown one. */
  withdrawCode(codeId: string, at: number): Promise<PairingCodeRecord | undefined>;
  /** Forgets codes that expired before a moment. */
  pruneCodes(expiredBefore: number): Promise<void>;
  /**
   * Adds a node, or changes how a known one stands; a revoked one stays as it is. Returns what is stored then.
   * Errors: `node_identity_taken` for another key.
   */
  admitNode(node: KnownNode): Promise<KnownNode>;
  /** Oldest first. */
  listKnownNodes(): Promise<KnownNode[]>;
  /** Lets a node in that waits or was revoked, and ends its probation. Undefined for an unknown node. */
  approveNode(nodeId: string): Promise<KnownNode | undefined>;
  /** Shuts a node out. Undefined for an unknown node. */
  revokeNode(nodeId: string, at: number): Promise<KnownNode | undefined>;
  labelNode(nodeId: string, labels: Record<string, string>): Promise<KnownNode | undefined>;
  /**
   * Forgets how a node stands, what was decided about it and its token, until it is admitted anew; credentials from
   * before `voidUntil` are void, with null those that were void already. Undefined for an unknown node.
   */
  forgetNode(nodeId: string, voidUntil: number | null): Promise<ForgottenNode | undefined>;
  listForgottenNodes(): Promise<ForgottenNode[]>;
  /** Moves "last seen" forward, never back; unknown nodes are skipped. */
  touchNodes(seen: readonly NodeSeen[]): Promise<void>;
}
