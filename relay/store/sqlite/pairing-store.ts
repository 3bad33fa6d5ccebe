import type { Database } from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';
import type { CodeClaim, KnownNode, NodeState, NodeTrust, PairingCodeRecord, PairingStore } from '../pairing-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

type NodeRow = {
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

type CodeRow = {
  code_id: string;
  secret: string;
  labels: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
  used_by: string | null;
};

const NODE_COLUMNS =
  'node_id, public_key, name, first_seen_at, state, trust, labels, paired_at, last_seen_at, revoked_at';
const CODE_COLUMNS = 'code_id, secret, labels, created_at, expires_at, used_at, used_by';

/** Pairing store on SQLite. */
export function createPairingStore(db: Database, access: SqliteAccess): PairingStore {
  const statements = prepareStatements(db);
  const change = (row: NodeRow | undefined): KnownNode | undefined => (row === undefined ? undefined : toNode(row));
  return {
    putCode: (code) => access.write(() => void statements.putCode.run(...codeValues(code))),
    findCode: (codeId) =>
      access.read(() => {
        const row = statements.code.get(codeId);
        return row === undefined ? undefined : toCode(row);
      }),
    claimCode: (claim) => access.write(() => claimCode(statements, claim)),
    listCodes: (limit) => access.read(() => statements.codes.all(limit).map(toCode)),
    withdrawCode: (codeId, at) =>
      access.write(() => {
        const row = statements.withdraw.get(at, codeId);
        return row === undefined ? undefined : toCode(row);
      }),
    pruneCodes: (expiredBefore) => access.write(() => void statements.prune.run(expiredBefore)),
    admitNode: (node) => access.write(() => admitNode(statements, node)),
    listKnownNodes: () => access.read(() => statements.nodes.all().map(toNode)),
    approveNode: (nodeId) => access.write(() => change(statements.approve.get(nodeId))),
    revokeNode: (nodeId, at) => access.write(() => change(statements.revoke.get(at, nodeId))),
    labelNode: (nodeId, labels) => access.write(() => change(statements.label.get(JSON.stringify(labels), nodeId))),
    touchNodes: (seen) =>
      access.write(() => {
        for (const { nodeId, seenAt } of seen) statements.touch.run(seenAt, nodeId);
      }),
  };
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: Database) {
  const update = (change: string) => `UPDATE nodes SET ${change} WHERE node_id = ? RETURNING ${NODE_COLUMNS}`;
  return {
    putCode: db.prepare<unknown[]>(`INSERT INTO pairing_codes (${CODE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`),
    code: db.prepare<[string], CodeRow>(`SELECT ${CODE_COLUMNS} FROM pairing_codes WHERE code_id = ?`),
    codes: db.prepare<[number], CodeRow>(
      `SELECT ${CODE_COLUMNS} FROM pairing_codes ORDER BY created_at DESC, code_id LIMIT ?`,
    ),
    withdraw: db.prepare<[number, string], CodeRow>(
      `UPDATE pairing_codes SET expires_at = min(expires_at, ?) WHERE code_id = ? RETURNING ${CODE_COLUMNS}`,
    ),
    claim: db.prepare<[number, string, string, number, string]>(
      'UPDATE pairing_codes SET used_at = coalesce(used_at, ?), used_by = ? ' +
        'WHERE code_id = ? AND expires_at > ? AND (used_by IS NULL OR used_by = ?)',
    ),
    prune: db.prepare<[number]>('DELETE FROM pairing_codes WHERE expires_at < ?'),
    admit: db.prepare<unknown[]>(
      `INSERT INTO nodes (${NODE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE ` +
        'SET state = excluded.state, trust = excluded.trust, labels = excluded.labels, paired_at = excluded.paired_at, ' +
        "last_seen_at = excluded.last_seen_at WHERE public_key = excluded.public_key AND state <> 'revoked'",
    ),
    node: db.prepare<[string], NodeRow>(`SELECT ${NODE_COLUMNS} FROM nodes WHERE node_id = ?`),
    nodes: db.prepare<[], NodeRow>(`SELECT ${NODE_COLUMNS} FROM nodes ORDER BY seq`),
    approve: db.prepare<[string], NodeRow>(
      update("state = 'active', trust = iif(trust = 'probation', 'approved', trust)"),
    ),
    revoke: db.prepare<[number, string], NodeRow>(update("state = 'revoked', revoked_at = ?")),
    label: db.prepare<[string, string], NodeRow>(update('labels = ?')),
    touch: db.prepare<[number, string]>(
      'UPDATE nodes SET last_seen_at = max(coalesce(last_seen_at, 0), ?) WHERE node_id = ?',
    ),
  };
}

function claimCode(statements: Statements, { codeId, nodeId, at }: CodeClaim) {
  if (statements.claim.run(at, nodeId, codeId, at, nodeId).changes === 1) return 'claimed';
  const code = statements.code.get(codeId);
  if (code === undefined) return 'unknown';
  return code.used_by === null || code.used_by === nodeId ? 'expired' : 'used';
}

function admitNode(statements: Statements, node: KnownNode): KnownNode {
  statements.admit.run(
    node.nodeId,
    node.publicKey,
    node.name,
    node.firstSeenAt,
    node.state,
    node.trust,
    JSON.stringify(node.labels),
    node.pairedAt,
    node.lastSeenAt,
    node.revokedAt,
  );
  const row = statements.node.get(node.nodeId);
  if (row?.public_key === node.publicKey) return toNode(row);
  throw new Problem(
    'node_identity_taken',
    `The node id ${node.nodeId} belongs to another key. Bring back the key file of that machine, or choose another name.`,
  );
}

function codeValues(code: PairingCodeRecord): unknown[] {
  const { codeId, secret, labels, createdAt, expiresAt, usedAt, usedBy } = code;
  return [codeId, secret, JSON.stringify(labels), createdAt, expiresAt, usedAt, usedBy];
}

function toCode(row: CodeRow): PairingCodeRecord {
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

function toNode(row: NodeRow): KnownNode {
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
