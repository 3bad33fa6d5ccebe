import { ACCOUNT_LIMITS, type KeyChange, type KeyRecord } from '../store.ts';

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
  max_parallel_requests: number | null;
  budget_micro: number | null;
  budget_duration: string | null;
  soft_budget_micro: number | null;
};

export const KEY_COLUMNS =
  'key_id, hash, name, scopes, created_at, expires_at, revoked_at, last_used_at, ' +
  'models, requests_per_minute, tokens_per_minute, credit_limit_micro, hmac, prefix, account_id, description, ' +
  'max_parallel_requests, budget_micro, budget_duration, soft_budget_micro';

/** In the order of `KEY_COLUMNS`. */
export function keyValues(key: KeyRecord): unknown[] {
  const { keyId, hash, name, createdAt, expiresAt, revokedAt, lastUsedAt } = key;
  const scopes = scopesText(key.scopes);
  const limits = [modelsText(key.models), key.requestsPerMinute, key.tokensPerMinute, key.creditLimitMicro];
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
    key.maxParallelRequests,
    key.budgetMicro,
    key.budgetDuration,
    key.softBudgetMicro,
  ];
}

/** What may be changed of one key, and of all keys of an account; `changeValues` and `limitValues` are in these orders. */
export const CHANGE_COLUMNS = 'name, description, scopes, models, expires_at';
export const LIMIT_COLUMNS =
  'requests_per_minute, tokens_per_minute, credit_limit_micro, max_parallel_requests, ' +
  'budget_micro, budget_duration, soft_budget_micro';

export function changeValues({ name, description, scopes, models, expiresAt }: KeyRecord): unknown[] {
  return [name, description, scopesText(scopes), modelsText(models), expiresAt];
}

export function limitValues(key: KeyRecord): unknown[] {
  return ACCOUNT_LIMITS.map((limit) => key[limit]);
}

export function changesAccount(change: KeyChange): boolean {
  return ACCOUNT_LIMITS.some((limit) => change[limit] !== undefined);
}

function scopesText(scopes: readonly string[]): string {
  return scopes.join(' ');
}

function modelsText(models: readonly string[] | null): string | null {
  return models === null ? null : JSON.stringify(models);
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
    maxParallelRequests: row.max_parallel_requests,
    budgetMicro: row.budget_micro,
    budgetDuration: row.budget_duration,
    softBudgetMicro: row.soft_budget_micro,
  };
}
