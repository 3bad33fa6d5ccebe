import { hash, randomBytes } from 'node:crypto';
import { KEY_SCOPES, type KeyScope } from '../../shared/api/keys.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { AccountLimits, KeyRecord, KeyStore } from '../store/store.ts';

/** What somebody may do. `admin` belongs to the admin token alone. */
export type Scope = KeyScope | 'admin';

const KEY_MARK = 'sk-sparewatt-';
/** 36 of the 256 bits: enough to tell a thousand keys apart, and no help to whoever guesses the rest. */
const SHOWN_CHARACTERS = 6;

/** 256 random bits. */
export function newApiKey(): string {
  return apiKeyOf(randomBytes(32));
}

/** The mark before the bits lets a secret scanner recognise a leaked key. */
export function apiKeyOf(bits: Buffer): string {
  return `${KEY_MARK}${bits.toString('base64url')}`;
}

/** How a key begins: what may be shown of it. */
export function prefixOf(key: string): string {
  return key.slice(0, KEY_MARK.length + SHOWN_CHARACTERS);
}

export function newAdminToken(): string {
  return `sw-admin-${randomBytes(32).toString('base64url')}`;
}

/**
 * What is stored of a key, as hex. Plain SHA-256, because slow salted hashes protect secrets that can be guessed: 256
 * random bits cannot, and a slow hash would cost every request 100 ms.
 */
export function hashApiKey(key: string): string {
  return hash('sha256', key, 'hex');
}

export const UNLIMITED: KeyLimits = {
  models: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  creditLimitMicro: null,
  maxParallelRequests: null,
  budgetMicro: null,
  budgetDuration: null,
  softBudgetMicro: null,
};
export type KeyLimits = Pick<KeyRecord, 'models'> & AccountLimits;

/** What of a key limits it. */
export function limitsOf(key: KeyLimits): KeyLimits {
  const { models, requestsPerMinute, tokensPerMinute, creditLimitMicro } = key;
  const { maxParallelRequests, budgetMicro, budgetDuration, softBudgetMicro } = key;
  const perMinute = { requestsPerMinute, tokensPerMinute, maxParallelRequests };
  return { models, ...perMinute, creditLimitMicro, budgetMicro, budgetDuration, softBudgetMicro };
}

/** Registers the key that the data folder holds; a key that is known, or was revoked, stays as it is. */
export async function ensureFirstKey(
  store: KeyStore,
  apiKey: string,
  now: () => number = Date.now,
): Promise<KeyRecord> {
  const digest = hashApiKey(apiKey);
  const keyId = `key_${digest.slice(0, 16)}`;
  return store.putKey({
    keyId,
    accountId: keyId,
    hash: digest,
    prefix: prefixOf(apiKey),
    name: 'first key',
    description: null,
    scopes: [...KEY_SCOPES],
    ...UNLIMITED,
    hmac: false,
    createdAt: now(),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
  });
}

export type Principal = {
  readonly kind: 'client' | 'admin';
  /** Under which all is kept and counted; a key that replaced another has that one's. */
  readonly keyId: string;
  readonly scopes: readonly string[];
  /** Absent where there is none. */
  readonly limits?: KeyLimits | undefined;
  /** Present where each request must be signed: by which key, and since when it can have asked, in ms since 1970. */
  readonly mustSign?: { readonly keyId: string; readonly since: number } | undefined;
};

/** The operator, however they came in. */
export const ADMIN: Principal = { kind: 'admin', keyId: 'admin', scopes: ['admin', ...KEY_SCOPES] };

/** Whether a key is one for this model, or for all. */
export function mayAsk({ limits }: Principal, model: string): boolean {
  return limits?.models == null || limits.models.includes(model);
}

/** Errors: `insufficient_scope` for a model that the key is not for. */
export function assertMayAsk(principal: Principal, model: string): void {
  if (mayAsk(principal, model)) return;
  const models = principal.limits?.models ?? [];
  const sentence = `This key may not ask for ${model}, only for ${models.join(', ')}.`;
  throw new Problem('insufficient_scope', sentence, { param: 'model' });
}

/** Who asks with this key. */
export function principalOf(key: KeyRecord): Principal {
  const { accountId, scopes } = key;
  const limits = limitsOf(key);
  const isLimited = Object.values(limits).some((limit) => limit !== null);
  const mustSign = key.hmac ? { mustSign: { keyId: key.keyId, since: key.createdAt } } : {};
  return { kind: 'client', keyId: accountId, scopes, ...(isLimited ? { limits } : {}), ...mustSign };
}

/** Passes a principal that may do `scope`. Errors: `insufficient_scope`. */
export function assertScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.includes(scope)) return;
  if (scope === 'admin') {
    throw new Problem(
      'insufficient_scope',
      'This takes the admin token of the relay; an API key has no right to `admin`.',
    );
  }
  const held = principal.scopes.length === 0 ? 'none' : principal.scopes.join(', ');
  throw new Problem(
    'insufficient_scope',
    `This key lacks the scope \`${scope}\`; it has ${held}. Ask the operator for a key with \`${scope}\`.`,
  );
}
