import type { ForgottenNode, KnownNode, NodeState, NodeTrust, PairingCodeRecord } from '../pairing-store.ts';

export type KnownNodeRow = {
  node_id: string;
  public_key: string;
  name: string;
  first_seen_at: number;
  state: NodeState;
  trust: NodeTrust;
  labels: string;
  paired_at: number | null;
  last_seen_at: number | null;
  revoked_at: number | null;
};

export type ForgottenRow = Pick<KnownNodeRow, 'node_id' | 'public_key' | 'revoked_at'>;

export type CodeRow = {
  code_id: string;
  secret: string;
  labels: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
  used_by: string | null;
};

export const KNOWN_NODE_COLUMNS =
  'node_id, public_key, name, first_seen_at, state, trust, labels, paired_at, last_seen_at, revoked_at';
export const FORGOTTEN_COLUMNS = 'node_id, public_key, revoked_at';
/** The `state` of a row that keeps a forgotten node's id for its key. */
export const FORGOTTEN = "'forgotten'";
export const CODE_COLUMNS = 'code_id, secret, labels, created_at, expires_at, used_at, used_by';

/** In the order of `KNOWN_NODE_COLUMNS`. */
export function knownNodeValues(node: KnownNode): unknown[] {
  const { nodeId, publicKey, name, firstSeenAt, state, trust, labels, pairedAt, lastSeenAt, revokedAt } = node;
  return [nodeId, publicKey, name, firstSeenAt, state, trust, JSON.stringify(labels), pairedAt, lastSeenAt, revokedAt];
}

/** What a node is told that did not get a code. */
export function whyNotClaimed(code: CodeRow | undefined, nodeId: string): 'unknown' | 'expired' | 'used' {
  if (code === undefined) return 'unknown';
  return code.used_by === null || code.used_by === nodeId ? 'expired' : 'used';
}

/** In the order of `CODE_COLUMNS`. */
export function codeValues(code: PairingCodeRecord): unknown[] {
  const { codeId, secret, labels, createdAt, expiresAt, usedAt, usedBy } = code;
  return [codeId, secret, JSON.stringify(labels), createdAt, expiresAt, usedAt, usedBy];
}

export function toCode(row: CodeRow): PairingCodeRecord {
  return {
    codeId: row.code_id,
    secret: row.secret,
    labels: JSON.parse(row.labels) as Record<string, string>,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    usedAt: row.used_at,
    usedBy: row.used_by,
  };
}

export function toKnownNode(row: KnownNodeRow): KnownNode {
  return {
    nodeId: row.node_id,
    publicKey: row.public_key,
    name: row.name,
    firstSeenAt: row.first_seen_at,
    state: row.state,
    trust: row.trust,
    labels: JSON.parse(row.labels) as Record<string, string>,
    pairedAt: row.paired_at,
    lastSeenAt: row.last_seen_at,
    revokedAt: row.revoked_at,
  };
}

export function toForgottenNode(row: ForgottenRow): ForgottenNode {
  return { nodeId: row.node_id, publicKey: row.public_key, revokedAt: row.revoked_at };
}
