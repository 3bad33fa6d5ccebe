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
import { type PostgresAccess, placesOf, type Queries } from './queries.ts';

const INSERT = `INSERT INTO api_keys (${KEY_COLUMNS}) VALUES (${placesOf(KEY_COLUMNS)}) ON CONFLICT DO NOTHING`;
const SELECT = `SELECT ${KEY_COLUMNS} FROM api_keys`;
const REVOKE = 'UPDATE api_keys SET revoked_at = coalesce(revoked_at, $1) WHERE key_id = $2';
const STANDING = `${SELECT} WHERE key_id = $1 AND revoked_at IS NULL FOR UPDATE`;
const CHANGE = `UPDATE api_keys SET (${CHANGE_COLUMNS}) = (${placesOf(CHANGE_COLUMNS)}) WHERE key_id = $6`;
const LIMIT = `UPDATE api_keys SET (${LIMIT_COLUMNS}) = (${placesOf(LIMIT_COLUMNS)}) WHERE coalesce(account_id, key_id) = $8`;
// LEAST and GREATEST leave out what is null.
const EXPIRE = 'UPDATE api_keys SET expires_at = LEAST(expires_at, $1) WHERE key_id = $2';
const TOUCH =
  'UPDATE api_keys SET last_used_at = GREATEST(last_used_at, used_at) ' +
  'FROM unnest($1::text[], $2::bigint[]) AS used (id, used_at) WHERE key_id = id';

/** Key store on PostgreSQL. */
export function createKeyStore(access: PostgresAccess): KeyStore {
  return {
    putKey: (key) =>
      access.write(async (db) => {
        await db.run(INSERT, keyValues(key));
        const stored = await db.one<KeyRow>(`${SELECT} WHERE hash = $1 OR key_id = $2`, [key.hash, key.keyId]);
        return toKeyOrNone(stored) ?? key;
      }),
    findKeyByHash: (hash) =>
      access.read(async (db) => toKeyOrNone(await db.one<KeyRow>(`${SELECT} WHERE hash = $1`, [hash]))),
    listKeys: () => access.read(async (db) => (await db.all<KeyRow>(`${SELECT} ORDER BY seq`)).map(toKey)),
    revokeKey: (keyId, revokedAt) => access.write(async (db) => (await db.run(REVOKE, [revokedAt, keyId])) === 1),
    expireKey: (keyId, expiresAt) => access.write(async (db) => (await db.run(EXPIRE, [expiresAt, keyId])) === 1),
    changeKey: (keyId, change) => access.write((db) => changeKey(db, keyId, change)),
    touchKeys: (usages) =>
      access.write(async (db) => {
        await db.run(TOUCH, [usages.map(({ keyId }) => keyId), usages.map(({ usedAt }) => usedAt)]);
      }),
  };
}

async function changeKey(db: Queries, keyId: string, change: KeyChange): Promise<KeyRecord | undefined> {
  const key = toKeyOrNone(await db.one<KeyRow>(STANDING, [keyId]));
  if (key === undefined) return undefined;
  const changed = { ...key, ...change };
  await db.run(CHANGE, [...changeValues(changed), keyId]);
  if (changesAccount(change)) await db.run(LIMIT, [...limitValues(changed), key.accountId]);
  return changed;
}
