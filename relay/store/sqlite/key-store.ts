import type { Database } from 'better-sqlite3';
import type { KeyRecord, KeyStore } from '../store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

type KeyRow = {
  key_id: string;
  hash: string;
  name: string;
  scopes: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
  models: string | null;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  credit_limit_micro: number | null;
  hmac: 0 | 1;
};

const COLUMNS =
  'key_id, hash, name, scopes, created_at, expires_at, revoked_at, last_used_at, ' +
  'models, requests_per_minute, tokens_per_minute, credit_limit_micro, hmac';

/** Key store on SQLite. */
export function createKeyStore(db: Database, access: SqliteAccess): KeyStore {
  const statements = prepareStatements(db);
  return {
    putKey: (key) => access.write(() => insertKey(statements, key)),
    findKeyByHash: (hash) => access.read(() => toKeyOrNone(statements.byHash.get(hash))),
    listKeys: () => access.read(() => statements.all.all().map(toKey)),
    revokeKey: (keyId, revokedAt) => access.write(() => statements.revoke.run(revokedAt, keyId).changes === 1),
    expireKey: (keyId, expiresAt) => access.write(() => statements.expire.run(expiresAt, keyId).changes === 1),
    touchKeys: (usages) =>
      access.write(() => {
        for (const { keyId, usedAt } of usages) statements.touch.run(usedAt, keyId);
      }),
  };
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: Database) {
  return {
    insert: db.prepare<unknown[]>(
      `INSERT INTO api_keys (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    byHash: db.prepare<[string], KeyRow>(`SELECT ${COLUMNS} FROM api_keys WHERE hash = ?`),
    byHashOrId: db.prepare<[string, string], KeyRow>(`SELECT ${COLUMNS} FROM api_keys WHERE hash = ? OR key_id = ?`),
    all: db.prepare<[], KeyRow>(`SELECT ${COLUMNS} FROM api_keys ORDER BY seq`),
    revoke: db.prepare<[number, string]>('UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE key_id = ?'),
    expire: db.prepare<[number, string]>(
      `UPDATE api_keys SET expires_at = min(coalesce(expires_at, ${Number.MAX_SAFE_INTEGER}), ?) WHERE key_id = ?`,
    ),
    touch: db.prepare<[number, string]>(
      'UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE key_id = ?',
    ),
  };
}

function insertKey(statements: Statements, key: KeyRecord): KeyRecord {
  const { keyId, hash, name, createdAt, expiresAt, revokedAt, lastUsedAt } = key;
  const scopes = key.scopes.join(' ');
  const models = key.models === null ? null : JSON.stringify(key.models);
  const limits = [models, key.requestsPerMinute, key.tokensPerMinute, key.creditLimitMicro];
  statements.insert.run([
    keyId,
    hash,
    name,
    scopes,
    createdAt,
    expiresAt,
    revokedAt,
    lastUsedAt,
    ...limits,
    key.hmac ? 1 : 0,
  ]);
  return toKeyOrNone(statements.byHashOrId.get(hash, keyId)) ?? key;
}

function toKeyOrNone(row: KeyRow | undefined): KeyRecord | undefined {
  return row === undefined ? undefined : toKey(row);
}

function toKey(row: KeyRow): KeyRecord {
  return {
    keyId: row.key_id,
    hash: row.hash,
    name: row.name,
    scopes: row.scopes === '' ? [] : row.scopes.split(' '),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
    models: row.models === null ? null : (JSON.parse(row.models) as string[]),
    requestsPerMinute: row.requests_per_minute,
    tokensPerMinute: row.tokens_per_minute,
    creditLimitMicro: row.credit_limit_micro,
    hmac: row.hmac === 1,
  };
}
