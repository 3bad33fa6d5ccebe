import type { Database } from 'better-sqlite3';
import type { CodeClaim, ForgottenNode, KnownNode, PairingStore } from '../pairing-store.ts';
import { assertSameKey } from '../rows/node-rows.ts';
import {
  CODE_COLUMNS,
  type CodeRow,
  codeValues,
  FORGOTTEN,
  FORGOTTEN_COLUMNS,
  type ForgottenRow,
  KNOWN_NODE_COLUMNS,
  type KnownNodeRow,
  knownNodeValues,
  toCode,
  toForgottenNode,
  toKnownNode,
  whyNotClaimed,
} from '../rows/pairing-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** Pairing store on SQLite. */
export function createPairingStore(db: Database, access: SqliteAccess): PairingStore {
  const statements = prepareStatements(db);
  const change = (row: KnownNodeRow | undefined): KnownNode | undefined =>
    row === undefined ? undefined : toKnownNode(row);
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
    listKnownNodes: () => access.read(() => statements.nodes.all().map(toKnownNode)),
    approveNode: (nodeId) => access.write(() => change(statements.approve.get(nodeId))),
    revokeNode: (nodeId, at) => access.write(() => change(statements.revoke.get(at, nodeId))),
    labelNode: (nodeId, labels) => access.write(() => change(statements.label.get(JSON.stringify(labels), nodeId))),
    forgetNode: (nodeId, voidUntil) => access.write(() => forgetNode(statements, nodeId, voidUntil)),
    listForgottenNodes: () => access.read(() => statements.forgotten.all().map(toForgottenNode)),
    touchNodes: (seen) =>
      access.write(() => {
        for (const { nodeId, seenAt } of seen) statements.touch.run(seenAt, nodeId);
      }),
  };
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: Database) {
  const update = (change: string) =>
    `UPDATE nodes SET ${change} WHERE node_id = ? AND state <> ${FORGOTTEN} RETURNING ${KNOWN_NODE_COLUMNS}`;
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
      `INSERT INTO nodes (${KNOWN_NODE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE ` +
        'SET state = excluded.state, trust = excluded.trust, labels = excluded.labels, paired_at = excluded.paired_at, ' +
        "last_seen_at = excluded.last_seen_at WHERE public_key = excluded.public_key AND state <> 'revoked'",
    ),
    node: db.prepare<[string], KnownNodeRow>(`SELECT ${KNOWN_NODE_COLUMNS} FROM nodes WHERE node_id = ?`),
    nodes: db.prepare<[], KnownNodeRow>(
      `SELECT ${KNOWN_NODE_COLUMNS} FROM nodes WHERE state <> ${FORGOTTEN} ORDER BY seq`,
    ),
    approve: db.prepare<[string], KnownNodeRow>(
      update("state = 'active', trust = iif(trust = 'probation', 'approved', trust)"),
    ),
    revoke: db.prepare<[number, string], KnownNodeRow>(update("state = 'revoked', revoked_at = ?")),
    label: db.prepare<[string, string], KnownNodeRow>(update('labels = ?')),
    forget: db.prepare<[number | null, string], ForgottenRow>(
      `UPDATE nodes SET state = ${FORGOTTEN}, trust = 'probation', labels = '{}', paired_at = NULL, ` +
        'last_seen_at = NULL, revoked_at = coalesce(?, revoked_at) ' +
        `WHERE node_id = ? AND state <> ${FORGOTTEN} RETURNING ${FORGOTTEN_COLUMNS}`,
    ),
    forgetDecisions: db.prepare<[string]>('DELETE FROM node_admin WHERE node_id = ?'),
    forgetToken: db.prepare<[string]>('DELETE FROM miners WHERE node_id = ?'),
    forgotten: db.prepare<[], ForgottenRow>(
      `SELECT ${FORGOTTEN_COLUMNS} FROM nodes WHERE state = ${FORGOTTEN} ORDER BY seq`,
    ),
    touch: db.prepare<[number, string]>(
      'UPDATE nodes SET last_seen_at = max(coalesce(last_seen_at, 0), ?) WHERE node_id = ?',
    ),
  };
}

function claimCode(statements: Statements, { codeId, nodeId, at }: CodeClaim) {
  if (statements.claim.run(at, nodeId, codeId, at, nodeId).changes === 1) return 'claimed';
  return whyNotClaimed(statements.code.get(codeId), nodeId);
}

function admitNode(statements: Statements, node: KnownNode): KnownNode {
  statements.admit.run(...knownNodeValues(node));
  const row = statements.node.get(node.nodeId);
  assertSameKey(row?.public_key, node);
  return row === undefined ? node : toKnownNode(row);
}

function forgetNode(statements: Statements, nodeId: string, voidUntil: number | null): ForgottenNode | undefined {
  const row = statements.forget.get(voidUntil, nodeId);
  if (row === undefined) return undefined;
  statements.forgetDecisions.run(nodeId);
  statements.forgetToken.run(nodeId);
  return toForgottenNode(row);
}
