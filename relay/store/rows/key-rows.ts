import type { KeyRecord } from '../store.ts';

export type KeyRow = {
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
  hmac: number;
  prefix: string | null;
  account_id: string | null;
  description: string | null;
};

export const KEY_COLUMNS =
  'key_id, hash, name, scopes, created_at, expires_at, revoked_at, last_used_at, ' +
  'models, requests_per_minute, tokens_per_minute, credit_limit_micro, hmac, prefix, account_id, description';

/** In the order of `KEY_COLUMNS`. */
export function keyValues(key: KeyRecord): unknown[] {
  const { keyId, hash, name, createdAt, expiresAt, revokedAt, lastUsedAt } = key;
  const scopes = key.scopes.join(' ');
  const models = key.models === null ? null : JSON.stringify(key.models);
  const limits = [models, key.requestsPerMinute, key.tokensPerMinute, key.creditLimitMicro];
  return [
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
    key.prefix,
    key.accountId,
    key.description,
  ];
}

export function toKeyOrNone(row: KeyRow | undefined): KeyRecord | undefined {
  return row === undefined ? undefined : toKey(row);
}

export function toKey(row: KeyRow): KeyRecord {
  return {
    keyId: row.key_id,
    accountId: row.account_id ?? row.key_id,
    hash: row.hash,
    name: row.name,
    description: row.description,
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
    prefix: row.prefix,
  };
}
