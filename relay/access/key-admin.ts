import {
  type ApiKey,
  type ChangeKeyRequest,
  type CreatedKey,
  type CreateKeyRequest,
  KEY_SCOPES,
  type KeyStanding,
} from '../../shared/api/keys.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { ACCOUNT_LIMITS, type KeyRecord, type KeyStore } from '../store/store.ts';
import {
  ADMIN,
  hashApiKey,
  type KeyLimits,
  limitsOf,
  type Principal,
  prefixOf,
  principalOf,
  UNLIMITED,
} from './api-keys.ts';
import type { KeyGuard } from './key-guard.ts';
import { assertBudget, assertFuture, changesIn, limitsIn, unchangeable } from './key-wishes.ts';
import type { KeyMaker, KeyOrigin } from './repeated-keys.ts';
import type { SigningSecrets } from './signing-secrets.ts';

/** What an operator does with API keys. Errors: `key_not_found`, `invalid_value`. */
export type KeyAdmin = {
  create(order: CreateKeyRequest, origin: KeyOrigin): Promise<CreatedKey>;
  /** A key that was made so before, as it is now, and itself. One that replaces another ends that, if a crash came between. */
  made(origin: KeyOrigin, replaced?: { keyId: string; overlapMs: number }): Promise<CreatedKey | undefined>;
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
  /** Counts at once, for requests that come and jobs that wait; what is under way goes on as it was let in. */
  change(keyId: string, change: ChangeKeyRequest): Promise<ApiKey>;
  /** Accounts whose last key was revoked; not those whose last key has expired, whatever was revoked before. */
  revokedAccounts(): Promise<Set<string>>;
  /**
   * A new key with the same rights, jobs, files, credits and limits; the old one ends after `overlapMs`. `hmac` says
   * whether the new one must sign.
   */
  rotate(keyId: string, overlapMs: number, origin: KeyOrigin, hmac?: boolean): Promise<CreatedKey>;
};

export type KeyAdminPorts = {
  store: KeyStore;
  /** Who lets keys in: it forgets what was changed, and shuts out what works no more, until that works again. */
  guard: Pick<KeyGuard, 'forget' | 'shutOut' | 'letIn'>;
  /** Tells those who count what an account may use. */
  setLimits: (accountId: string, limits: KeyLimits) => Promise<void>;
  standingOf: (accountId: string) => KeyStanding;
  /** Writes down the uses that the guard knows of and the store does not. */
  recordUsage: () => Promise<void>;
  /** What keys sign with that must. */
  secrets: SigningSecrets;
  keyOf: KeyMaker;
  now: () => number;
};

export function createKeyAdmin(ports: KeyAdminPorts): KeyAdmin {
  const { store, guard, recordUsage, secrets, now } = ports;
  const inTurn = oneAfterAnother();
  const showKey = (key: KeyRecord): ApiKey => viewOf(key, ports.standingOf(key.accountId), now());
  const find = async (keyId: string): Promise<KeyRecord> => {
    const key = (await store.listKeys()).find((one) => one.keyId === keyId);
    if (key !== undefined) return key;
    throw new Problem('key_not_found', `There is no key "${keyId}". GET /v1/admin/keys lists all.`, { param: 'id' });
  };
  const show = async (keyId: string): Promise<ApiKey> => showKey(await find(keyId));
  /** With what no other answer shows. */
  const showMade = (record: KeyRecord, key: string): CreatedKey => {
    const secret = record.hmac ? { signing_secret: secrets.of(record.keyId) } : {};
    return { ...showKey(record), key, ...secret };
  };
  const make = async (
    origin: KeyOrigin,
    settings: Omit<KeyRecord, 'keyId' | 'accountId' | 'hash' | 'prefix' | 'createdAt' | 'revokedAt' | 'lastUsedAt'>,
    replaced?: KeyRecord,
  ) => {
    const key = ports.keyOf(origin);
    const { keyId } = origin;
    const shown = { hash: hashApiKey(key), prefix: prefixOf(key) };
    const times = { createdAt: now(), revokedAt: null, lastUsedAt: null };
    const ids = { keyId, accountId: replaced?.accountId ?? keyId };
    const record = await store.putKey({ ...settings, ...times, ...shown, ...ids });
    await ports.setLimits(record.accountId, limitsOf(record));
    return showMade(record, key);
  };
  const endReplaced = async (keyId: string, overlapMs: number): Promise<void> => {
    await store.expireKey(keyId, now() + overlapMs);
    if (overlapMs > 0) guard.forget(keyId);
    else guard.shutOut(keyId, 'has expired');
  };

  return {
    made: async (origin, replaced) => {
      const record = (await store.listKeys()).find(({ keyId }) => keyId === origin.keyId);
      if (record === undefined) return undefined;
      if (replaced !== undefined) await endReplaced(replaced.keyId, replaced.overlapMs);
      return showMade(record, ports.keyOf(origin));
    },
    create: async (order, origin) => {
      const expiresAt = order.expires_at ?? null;
      assertFuture(expiresAt, now());
      const limits = { ...UNLIMITED, ...limitsIn(order) };
      assertBudget(limits);
      return make(origin, {
        name: order.name,
        description: order.description ?? null,
        scopes: KEY_SCOPES.filter((scope) => order.scopes?.includes(scope) ?? true),
        ...limits,
        models: order.models ?? null,
        hmac: order.hmac ?? false,
        expiresAt,
      });
    },
    list: async () => {
      // A key that was used once since is not one that never was. What cannot be written is told by the next job.
      await recordUsage().catch(() => undefined);
      return (await store.listKeys()).map(showKey);
    },
    get: show,
    change: (keyId, change) =>
      inTurn(async () => {
        const key = await find(keyId);
        if (key.revokedAt !== null) throw unchangeable();
        assertFuture(change.expires_at ?? null, now());
        const changes = changesIn(change);
        // Where nothing is said of a budget, one from before its rules is left in peace.
        if (ACCOUNT_LIMITS.some((limit) => changes[limit] !== undefined)) assertBudget({ ...key, ...changes });
        const changed = await store.changeKey(keyId, changes);
        if (changed === undefined) throw unchangeable();
        if (changes.expiresAt !== undefined) guard.letIn(keyId);
        for (const one of await store.listKeys()) if (one.accountId === key.accountId) guard.forget(one.keyId);
        await ports.setLimits(changed.accountId, limitsOf(changed));
        return showKey(changed);
      }),
    accountOf: async (keyId) => (keyId === ADMIN.keyId ? keyId : (await find(keyId)).accountId),
    actingFor: async (accountId) => {
      if (accountId === ADMIN.keyId) return ADMIN;
      const newest = (await store.listKeys()).findLast((key) => key.accountId === accountId && key.revokedAt === null);
      return newest && principalOf(newest);
    },
    revoke: async (keyId) => {
      await find(keyId);
      await store.revokeKey(keyId, now());
      guard.shutOut(keyId, 'was revoked');
      return show(keyId);
    },
    revokedAccounts: async () => {
      const accounts = Map.groupBy(await store.listKeys(), ({ accountId }) => accountId);
      return new Set([...accounts].filter(([, keys]) => isRevoked(keys)).map(([accountId]) => accountId));
    },
    rotate: (keyId, overlapMs, origin, hmac) =>
      inTurn(async () => {
        const old = await find(keyId);
        if (stateOf(old, now()) !== 'active') {
          throw new Problem('invalid_value', 'Only a key that works can be rotated. Make a new one instead.', {
            param: 'id',
          });
        }
        const { name, description, scopes, accountId } = old;
        const newest = (await store.listKeys()).findLast((key) => key.accountId === accountId);
        // That of the account: a key that was replaced before ends sooner, or later where its last one was given less time.
        const { expiresAt } = newest === undefined || hasEnded(newest, now()) ? old : newest;
        const made = await make(
          origin,
          { name, description, scopes, ...limitsOf(old), hmac: hmac ?? old.hmac, expiresAt },
          old,
        );
        await endReplaced(keyId, overlapMs);
        return made;
      }),
  };
}

/** Why a job ends whose key does not work any more. */
export function keyRevoked(): Problem {
  return new Problem('cancelled', 'The key of the job was revoked.');
}

function stateOf({ revokedAt, expiresAt }: KeyRecord, now: number): ApiKey['state'] {
  if (revokedAt !== null) return 'revoked';
  return hasEnded({ expiresAt }, now) ? 'expired' : 'active';
}

function hasEnded({ expiresAt }: Pick<KeyRecord, 'expiresAt'>, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}

/** Whether no key of an account worked any more when the last of them was revoked: later starts say the same. */
function isRevoked(keys: readonly KeyRecord[]): boolean {
  const revokedAt = Math.max(...keys.map((key) => key.revokedAt ?? 0));
  const isLeft = (key: KeyRecord): boolean =>
    key.revokedAt === null && (key.expiresAt ?? Number.POSITIVE_INFINITY) > revokedAt;
  return revokedAt > 0 && !keys.some(isLeft);
}

/** Each begins when the one before it has ended. */
function oneAfterAnother(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work, work);
    last = done.catch(() => undefined);
    return done;
  };
}

function viewOf(key: KeyRecord, standing: KeyStanding, now: number): ApiKey {
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
    max_parallel_requests: key.maxParallelRequests,
    credit_limit_micro: key.creditLimitMicro,
    budget_micro: key.budgetMicro,
    budget_duration: key.budgetDuration,
    soft_budget_micro: key.softBudgetMicro,
    standing,
    hmac: key.hmac,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    last_used_at: key.lastUsedAt,
  };
}
