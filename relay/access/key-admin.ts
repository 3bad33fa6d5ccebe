import { type ApiKey, type CreatedKey, type CreateKeyRequest, KEY_SCOPES } from '../../shared/api/keys.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { newId } from '../jobs/id.ts';
import type { KeyRecord, KeyStore } from '../store/store.ts';
import { ADMIN, hashApiKey, newApiKey, type Principal, prefixOf, principalOf } from './api-keys.ts';
import type { SigningSecrets } from './signing-secrets.ts';

/** What an operator does with API keys. Errors: `key_not_found`, `invalid_value`. */
export type KeyAdmin = {
  create(order: CreateKeyRequest): Promise<CreatedKey>;
  list(): Promise<ApiKey[]>;
  get(keyId: string): Promise<ApiKey>;
  /** Under which what the key does is kept; the operator's own id is its own. */
  accountOf(keyId: string): Promise<string>;
  /**
   * Who asks for an account while nobody is there to show a key: as its newest key says that was not revoked. What was
   * accepted of one that has expired since is still done. Undefined where all were revoked.
   */
  actingFor(accountId: string): Promise<Principal | undefined>;
  revoke(keyId: string): Promise<ApiKey>;
  /** Accounts of which no key works any more, because the last was revoked. */
  revokedAccounts(): Promise<Set<string>>;
  /**
   * A new key with the same rights, jobs, files, credits and limits; the old one ends after `overlapMs`. `hmac` says
   * whether the new one must sign.
   */
  rotate(keyId: string, overlapMs: number, hmac?: boolean): Promise<CreatedKey>;
};

export type KeyAdminPorts = {
  store: KeyStore;
  /** Makes the guard forget what it remembers of a key. */
  forget: (keyId: string) => void;
  /** Writes down the uses that the guard knows of and the store does not. */
  recordUsage: () => Promise<void>;
  /** What keys sign with that must. */
  secrets: SigningSecrets;
  now: () => number;
};

export function createKeyAdmin({ store, forget, recordUsage, secrets, now }: KeyAdminPorts): KeyAdmin {
  const find = async (keyId: string): Promise<KeyRecord> => {
    const key = (await store.listKeys()).find((one) => one.keyId === keyId);
    if (key !== undefined) return key;
    throw new Problem('key_not_found', `There is no key "${keyId}". GET /v1/admin/keys lists all.`, { param: 'id' });
  };
  const show = async (keyId: string): Promise<ApiKey> => showKey(await find(keyId), now());
  const make = async (
    settings: Omit<KeyRecord, 'keyId' | 'accountId' | 'hash' | 'prefix' | 'createdAt' | 'revokedAt' | 'lastUsedAt'>,
    replaced?: KeyRecord,
  ) => {
    const key = newApiKey();
    const keyId = newId('key');
    const shown = { hash: hashApiKey(key), prefix: prefixOf(key) };
    const times = { createdAt: now(), revokedAt: null, lastUsedAt: null };
    const ids = { keyId, accountId: replaced?.accountId ?? keyId };
    const record = await store.putKey({ ...settings, ...times, ...shown, ...ids });
    const secret = record.hmac ? { signing_secret: secrets.of(record.keyId) } : {};
    return { ...showKey(record, now()), key, ...secret };
  };

  return {
    create: async (order) => {
      const expiresAt = order.expires_at ?? null;
      if (expiresAt !== null && expiresAt <= now()) {
        throw new Problem('invalid_value', 'expires_at lies in the past. Give milliseconds since 1970.', {
          param: 'expires_at',
        });
      }
      return make({
        name: order.name,
        description: order.description ?? null,
        scopes: KEY_SCOPES.filter((scope) => order.scopes?.includes(scope) ?? true),
        models: order.models ?? null,
        requestsPerMinute: order.requests_per_minute ?? null,
        tokensPerMinute: order.tokens_per_minute ?? null,
        creditLimitMicro: order.credit_limit_micro ?? null,
        hmac: order.hmac ?? false,
        expiresAt,
      });
    },
    list: async () => {
      // A key that was used once since is not one that never was. What cannot be written is told by the next job.
      await recordUsage().catch(() => undefined);
      return (await store.listKeys()).map((key) => showKey(key, now()));
    },
    get: show,
    accountOf: async (keyId) => (keyId === ADMIN.keyId ? keyId : (await find(keyId)).accountId),
    actingFor: async (accountId) => {
      if (accountId === ADMIN.keyId) return ADMIN;
      const keys = (await store.listKeys()).filter((key) => key.accountId === accountId && key.revokedAt === null);
      const newest = keys.reduce<KeyRecord | undefined>(
        (best, key) => (best === undefined || key.createdAt >= best.createdAt ? key : best),
        undefined,
      );
      return newest && principalOf(newest);
    },
    revoke: async (keyId) => {
      await find(keyId);
      await store.revokeKey(keyId, now());
      forget(keyId);
      return show(keyId);
    },
    revokedAccounts: async () => {
      const keys = await store.listKeys();
      const revoked = new Set(keys.filter(({ revokedAt }) => revokedAt !== null).map(({ accountId }) => accountId));
      for (const key of keys) if (stateOf(key, now()) === 'active') revoked.delete(key.accountId);
      return revoked;
    },
    rotate: async (keyId, overlapMs, hmac) => {
      const old = await find(keyId);
      if (stateOf(old, now()) !== 'active') {
        throw new Problem('invalid_value', 'Only a key that works can be rotated. Make a new one instead.', {
          param: 'id',
        });
      }
      const { name, description, scopes, models, requestsPerMinute, tokensPerMinute, creditLimitMicro, accountId } =
        old;
      const limits = { models, requestsPerMinute, tokensPerMinute, creditLimitMicro };
      // That of the account: a key that was replaced before ends sooner.
      const expiresAt = latestEnd((await store.listKeys()).filter((key) => key.accountId === accountId));
      const made = await make({ name, description, scopes, ...limits, hmac: hmac ?? old.hmac, expiresAt }, old);
      await store.expireKey(keyId, now() + overlapMs);
      forget(keyId);
      return made;
    },
  };
}

/** Why a job ends whose key does not work any more. */
export function keyRevoked(): Problem {
  return new Problem('cancelled', 'The key of the job was revoked.');
}

function stateOf({ revokedAt, expiresAt }: KeyRecord, now: number): ApiKey['state'] {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'active';
}

function latestEnd(keys: readonly KeyRecord[]): number | null {
  const latest = Math.max(...keys.map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(latest) ? latest : null;
}

function showKey(key: KeyRecord, now: number): ApiKey {
  return {
    id: key.keyId,
    account_id: key.accountId,
    prefix: key.prefix,
    name: key.name,
    description: key.description,
    state: stateOf(key, now),
    scopes: KEY_SCOPES.filter((scope) => key.scopes.includes(scope)),
    models: key.models,
    requests_per_minute: key.requestsPerMinute,
    tokens_per_minute: key.tokensPerMinute,
    credit_limit_micro: key.creditLimitMicro,
    hmac: key.hmac,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    last_used_at: key.lastUsedAt,
  };
}
