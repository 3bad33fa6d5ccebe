import { timingSafeEqual } from 'node:crypto';
import { Problem } from '../../shared/problems/problem.ts';
import { inTime } from '../in-time.ts';
import type { KeyRecord, KeyStore } from '../store/store.ts';
import { ADMIN, hashApiKey, type KeyLimits, limitsOf, type Principal, principalOf } from './api-keys.ts';

/** How long a revocation by another process may stay unnoticed. */
const CACHE_MS = 5_000;
/** How long a request waits to hear whose its key is, before it is told that the database stands still. */
const PATIENCE_MS = 10_000;
/** "Last used" is for people; a minute is fine enough and costs no write per request. */
const USAGE_INTERVAL_MS = 60_000;

const HOW_TO_SEND =
  'Send `Authorization: Bearer KEY` with a key of this relay, or with its admin token where an operator asks; `sparewatt relay` prints both.';

export type KeyGuardOptions = {
  store: KeyStore;
  adminToken: string;
  now?: () => number;
  patienceMs?: number;
  /** Learns what limits the account of a key, before it is let in; done when that counts. Errors: `storage_failed`. */
  setLimits?: (accountId: string, limits: KeyLimits) => Promise<void> | undefined;
};

export type KeyGuard = {
  /**
   * Says who asks, by the `Authorization` header or else `x-api-key`; at once when the key is remembered.
   *
   * Throws or rejects with `invalid_api_key` when the key is absent, wrong, revoked or expired, and with `storage_failed` when
   * the database does not answer.
   */
  authenticate(
    authorization: string | undefined,
    apiKey?: string | string[] | undefined,
  ): Principal | Promise<Principal>;
  /** Forgets what it knows of a key, so that what was changed of it counts at once. */
  forget(keyId: string): void;
  /** The same for a key that works no more from now on; `why` as in "The API key was revoked". */
  shutOut(keyId: string, why: string): void;
  /** A key that was shut out was given a later end. */
  letIn(keyId: string): void;
  /**
   * Must precede work that a request brings, whose body may have come minutes after its key. Errors: `invalid_api_key` for one
   * that was shut out meanwhile.
   */
  assertWorks(principal: Principal): void;
  /** Writes down the uses that are not yet; call it before the store closes. */
  recordUsage(): Promise<void>;
};

type Known = { key: KeyRecord; principal: Principal; readAt: number };

/**
 * Guards the API. A key in use costs one hash and one look in a map.
 *
 * 1. Only keys that exist are remembered, so strangers cannot make the memory grow.
 * 2. What is remembered is read again after `CACHE_MS`; expiry is checked on every call.
 * 3. Keys are found by their hash: how long that takes says nothing of a key, because nobody can choose its hash.
 * 4. "Last used" waits in memory and is written at most once per `USAGE_INTERVAL_MS`.
 * 5. Who was let in is known by their key until they are gone, and refused as soon as that is shut out. Keys are shut out by hand:
 *    there are not many.
 * 6. Of a database that stands still nothing is asked twice, and nobody waits longer than `patienceMs` for it.
 */
export function createKeyGuard({
  store,
  adminToken,
  now = Date.now,
  patienceMs = PATIENCE_MS,
  setLimits = () => undefined,
}: KeyGuardOptions): KeyGuard {
  const adminHash = Buffer.from(hashApiKey(adminToken));
  const known = new Map<string, Known>();
  /** What the store was asked and has not answered yet. */
  const asked = new Map<string, Promise<Known>>();
  const keyOf = new WeakMap<Principal, string>();
  const shutOut = new Map<string, string>();
  const usage = createUsageLog(store, now);
  /** How often something was to be forgotten: what was asked before may be of a key as it was, and is asked again. */
  let forgotten = 0;

  function recall(digest: string): Known | undefined {
    const entry = known.get(digest);
    return entry !== undefined && !isOver(entry.readAt, CACHE_MS, now()) ? entry : undefined;
  }

  async function read(digest: string): Promise<Known> {
    const forgottenBefore = forgotten;
    const key = await store.findKeyByHash(digest);
    if (key === undefined) throw refusal('is not a key of this relay');
    if (forgotten === forgottenBefore) await setLimits(key.accountId, limitsOf(key));
    if (forgotten !== forgottenBefore) return read(digest);
    const fresh = { key, principal: principalOf(key), readAt: now() };
    keyOf.set(fresh.principal, key.keyId);
    known.set(digest, fresh);
    return fresh;
  }

  function readOnce(digest: string): Promise<Known> {
    const underWay = asked.get(digest) ?? read(digest).finally(() => asked.delete(digest));
    asked.set(digest, underWay);
    return inTime(underWay, patienceMs, () => nobodyKnows(patienceMs));
  }

  function admit({ key, principal }: Known): Principal {
    if (key.revokedAt !== null) throw refusal('was revoked');
    if (key.expiresAt !== null && key.expiresAt <= now()) throw refusal('has expired');
    usage.note(key.keyId);
    return principal;
  }

  function forget(keyId: string): void {
    forgotten += 1;
    for (const [digest, entry] of known) if (entry.key.keyId === keyId) known.delete(digest);
  }

  return {
    authenticate(authorization, apiKey) {
      const digest = hashApiKey(presentedKey(authorization, apiKey));
      const remembered = recall(digest);
      if (remembered !== undefined) return admit(remembered);
      return timingSafeEqual(Buffer.from(digest), adminHash) ? ADMIN : readOnce(digest).then(admit);
    },
    forget,
    shutOut(keyId, why) {
      forget(keyId);
      shutOut.set(keyId, why);
    },
    letIn: (keyId) => void shutOut.delete(keyId),
    assertWorks(principal) {
      const why = shutOut.size === 0 ? undefined : shutOut.get(keyOf.get(principal) ?? '');
      if (why !== undefined) throw refusal(why);
    },
    recordUsage: () => usage.record(),
  };
}

function nobodyKnows(ms: number): Problem {
  const sentence = `The relay's database has not answered for ${ms / 1_000} s, so that nobody knows whose the key is.`;
  return new Problem('storage_failed', sentence, { retryAfterMs: ms });
}

function createUsageLog(store: KeyStore, now: () => number) {
  let waiting = new Map<string, number>();
  let recordedAt = now();

  async function record(): Promise<void> {
    const uses = waiting;
    waiting = new Map();
    recordedAt = now();
    if (uses.size === 0) return;
    try {
      await store.touchKeys(Array.from(uses, ([keyId, usedAt]) => ({ keyId, usedAt })));
    } catch (error) {
      waiting = new Map([...uses, ...waiting]);
      throw error;
    }
  }

  return {
    record,
    note(keyId: string): void {
      waiting.set(keyId, now());
      // A disk that refuses this write refuses the next job too, and that one is reported.
      if (isOver(recordedAt, USAGE_INTERVAL_MS, now())) record().catch(() => undefined);
    },
  };
}

/** Also after the clock was set back: nobody waits until it shows that time again. */
function isOver(since: number, lengthMs: number, now: number): boolean {
  return now < since || now - since >= lengthMs;
}

function presentedKey(authorization: string | undefined, apiKey: string | string[] | undefined): string {
  const bearer = authorization === undefined ? undefined : /^bearer +(\S+) *$/i.exec(authorization)?.[1];
  const key = bearer ?? (Array.isArray(apiKey) ? apiKey[0] : apiKey)?.trim();
  if (key !== undefined && key !== '') return key;
  if (authorization === undefined) throw new Problem('invalid_api_key', `There is no API key. ${HOW_TO_SEND}`);
  throw new Problem('invalid_api_key', `The Authorization header holds no bearer key. ${HOW_TO_SEND}`);
}

function refusal(reason: string): Problem {
  return new Problem('invalid_api_key', `The API key ${reason}. ${HOW_TO_SEND}`);
}
