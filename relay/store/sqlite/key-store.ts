import type { Database } from 'better-sqlite3';
import {
  CHANGE_COLUMNS,
  changesAccount,
  changeValues,
  KEY_COLUMNS,
  type KeyRow,
  keyValues,
  LIMIT_COLUMNS,
  limitValues,
  toKey,
  toKeyOrNone,
} from '../rows/key-rows.ts';
import type { KeyChange, KeyRecord, KeyStore } from '../store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** Key store on SQLite. */
export function createKeyStore(db: Database, access: SqliteAccess): KeyStore {
  const statements = prepareStatements(db);
  return {
    putKey: (key) => access.write(() => insertKey(statements, key)),
    findKeyByHash: (hash) => access.read(() => toKeyOrNone(statements.byHash.get(hash))),
    listKeys: () => access.read(() => statements.all.all().map(toKey)),
    revokeKey: (keyId, revokedAt) => access.write(() => statements.revoke.run(revokedAt, keyId).changes === 1),
    expireKey: (keyId, expiresAt) => access.write(() => statements.expire.run(expiresAt, keyId).changes === 1),
    changeKey: (keyId, change) => access.write(() => changeKey(statements, keyId, change)),
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
      `INSERT INTO api_keys (${KEY_COLUMNS}) VALUES (${KEY_COLUMNS.replaceAll(/\w+/g, '?')}) ON CONFLICT DO NOTHING`,
    ),
    byHash: db.prepare<[string], KeyRow>(`SELECT ${KEY_COLUMNS} FROM api_keys WHERE hash = ?`),
    byHashOrId: db.prepare<[string, string], KeyRow>(
      `SELECT ${KEY_COLUMNS} FROM api_keys WHERE hash = ? OR key_id = ?`,
    ),
    change: db.prepare<unknown[]>(`UPDATE api_keys SET ${placesOf(CHANGE_COLUMNS)} WHERE key_id = ?`),
    limit: db.prepare<unknown[]>(
      `UPDATE api_keys SET ${placesOf(LIMIT_COLUMNS)} WHERE coalesce(account_id, key_id) = ?`,
    ),
    standing: db.prepare<[string], KeyRow>(
      `SELECT ${KEY_COLUMNS} FROM api_keys WHERE key_id = ? AND revoked_at IS NULL`,
    ),
    all: db.prepare<[], KeyRow>(`SELECT ${KEY_COLUMNS} FROM api_keys ORDER BY seq`),
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
  statements.insert.run(keyValues(key));
  return toKeyOrNone(statements.byHashOrId.get(key.hash, key.keyId)) ?? key;
}

function changeKey(statements: Statements, keyId: string, change: KeyChange): KeyRecord | undefined {
  const key = toKeyOrNone(statements.standing.get(keyId));
  if (key === undefined) return undefined;
  const changed = { ...key, ...change };
  statements.change.run(...changeValues(changed), keyId);
  if (changesAccount(change)) statements.limit.run(...limitValues(changed), key.accountId);
  return changed;
}

function placesOf(columns: string): string {
  return columns.replaceAll(/\w+/g, '$& = ?');
}
