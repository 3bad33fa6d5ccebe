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
import { type PostgresAccess, placesOf, type Queries } from './queries.ts';

const PUT_CODE = `INSERT INTO pairing_codes (${CODE_COLUMNS}) VALUES (${placesOf(CODE_COLUMNS)})`;
const CODE = `SELECT ${CODE_COLUMNS} FROM pairing_codes WHERE code_id = $1`;
const CODES = `SELECT ${CODE_COLUMNS} FROM pairing_codes ORDER BY created_at DESC, code_id LIMIT $1`;
const WITHDRAW = `UPDATE pairing_codes SET expires_at = LEAST(expires_at, $1) WHERE code_id = $2 RETURNING ${CODE_COLUMNS}`;
const CLAIM =
  'UPDATE pairing_codes SET used_at = coalesce(used_at, $1), used_by = $2 ' +
  'WHERE code_id = $3 AND expires_at > $1 AND (used_by IS NULL OR used_by = $2)';
const PRUNE = 'DELETE FROM pairing_codes WHERE expires_at < $1';
const ADMIT =
  `INSERT INTO nodes AS n (${KNOWN_NODE_COLUMNS}) VALUES (${placesOf(KNOWN_NODE_COLUMNS)}) ` +
  'ON CONFLICT (node_id) DO UPDATE SET state = excluded.state, trust = excluded.trust, labels = excluded.labels, ' +
  'paired_at = excluded.paired_at, last_seen_at = excluded.last_seen_at ' +
  "WHERE n.public_key = excluded.public_key AND n.state <> 'revoked'";
const NODE = `SELECT ${KNOWN_NODE_COLUMNS} FROM nodes WHERE node_id = $1`;
const NODES = `SELECT ${KNOWN_NODE_COLUMNS} FROM nodes WHERE state <> ${FORGOTTEN} ORDER BY seq`;
const TOUCH = 'UPDATE nodes SET last_seen_at = GREATEST(last_seen_at, $1) WHERE node_id = $2';

function update(change: string): string {
  return `UPDATE nodes SET ${change} WHERE node_id = $1 AND state <> ${FORGOTTEN} RETURNING ${KNOWN_NODE_COLUMNS}`;
}
const APPROVE = update("state = 'active', trust = CASE trust WHEN 'probation' THEN 'approved' ELSE trust END");
const REVOKE = update("state = 'revoked', revoked_at = $2");
const LABEL = update('labels = $2');
const FORGET =
  `UPDATE nodes SET state = ${FORGOTTEN}, trust = 'probation', labels = '{}', paired_at = NULL, ` +
  'last_seen_at = NULL, revoked_at = coalesce($2, revoked_at) ' +
  `WHERE node_id = $1 AND state <> ${FORGOTTEN} RETURNING ${FORGOTTEN_COLUMNS}`;
const FORGOTTEN_NODES = `SELECT ${FORGOTTEN_COLUMNS} FROM nodes WHERE state = ${FORGOTTEN} ORDER BY seq`;

/** Pairing store on PostgreSQL. */
export function createPairingStore(access: PostgresAccess): PairingStore {
  const code = async (db: Queries, sql: string, values: unknown[]) => {
    const row = await db.one<CodeRow>(sql, values);
    return row && toCode(row);
  };
  const change = (sql: string, values: unknown[]): Promise<KnownNode | undefined> =>
    access.write(async (db) => {
      const row = await db.one<KnownNodeRow>(sql, values);
      return row && toKnownNode(row);
    });
  return {
    putCode: (record) => access.write(async (db) => void (await db.run(PUT_CODE, codeValues(record)))),
    findCode: (codeId) => access.read((db) => code(db, CODE, [codeId])),
    claimCode: (claim) => access.write((db) => claimCode(db, claim)),
    listCodes: (limit) => access.read(async (db) => (await db.all<CodeRow>(CODES, [limit])).map(toCode)),
    withdrawCode: (codeId, at) => access.write((db) => code(db, WITHDRAW, [at, codeId])),
    pruneCodes: (expiredBefore) => access.write(async (db) => void (await db.run(PRUNE, [expiredBefore]))),
    admitNode: (node) => access.write((db) => admitNode(db, node)),
    listKnownNodes: () => access.read(async (db) => (await db.all<KnownNodeRow>(NODES)).map(toKnownNode)),
    approveNode: (nodeId) => change(APPROVE, [nodeId]),
    revokeNode: (nodeId, at) => change(REVOKE, [nodeId, at]),
    labelNode: (nodeId, labels) => change(LABEL, [nodeId, JSON.stringify(labels)]),
    forgetNode: (nodeId, voidUntil) => access.write((db) => forgetNode(db, nodeId, voidUntil)),
    listForgottenNodes: () =>
      access.read(async (db) => (await db.all<ForgottenRow>(FORGOTTEN_NODES)).map(toForgottenNode)),
    touchNodes: (seen) =>
      access.write(async (db) => {
        for (const { nodeId, seenAt } of seen) await db.run(TOUCH, [seenAt, nodeId]);
      }),
  };
}

async function claimCode(db: Queries, { codeId, nodeId, at }: CodeClaim) {
  if ((await db.run(CLAIM, [at, nodeId, codeId])) === 1) return 'claimed';
  return whyNotClaimed(await db.one<CodeRow>(CODE, [codeId]), nodeId);
}

async function admitNode(db: Queries, node: KnownNode): Promise<KnownNode> {
  await db.run(ADMIT, knownNodeValues(node));
  const row = await db.one<KnownNodeRow>(NODE, [node.nodeId]);
  assertSameKey(row?.public_key, node);
  return row === undefined ? node : toKnownNode(row);
}

async function forgetNode(db: Queries, nodeId: string, voidUntil: number | null): Promise<ForgottenNode | undefined> {
  const row = await db.one<ForgottenRow>(FORGET, [nodeId, voidUntil]);
  if (row === undefined) return undefined;
  await db.run('DELETE FROM node_admin WHERE node_id = $1', [nodeId]);
  await db.run('DELETE FROM miners WHERE node_id = $1', [nodeId]);
  return toForgottenNode(row);
}
