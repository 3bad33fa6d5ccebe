import { Problem } from '../../shared/problems/problem.ts';
import type { KeyLimits } from './api-keys.ts';

/** What a key may still do, and when it may do all of it again. */
export type Allowance = {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
};
export type Allowances = { readonly requests: Allowance | null; readonly tokens: Allowance | null };

/** What is counted here of a key's limits. */
export type MinuteLimits = Pick<KeyLimits, 'requestsPerMinute' | 'tokensPerMinute'>;

/** Counts what keys with limits use; others are not its business. */
export type RateLimits = {
  /**
   * Counts one request, or as many at once; by `limits` where none were learnt of the key. Throws `rate_limit_exceeded` with the
   * time to wait, and then counts nothing.
   */
  admit(keyId: string, limits: MinuteLimits, requests?: number): void;
  /** Counts what a job used, once it is known. A key whose limits are not known is not counted. */
  spend(keyId: string, tokens: number): void;
  /** How many milliseconds until the key has tokens left; 0 while it has, and for one without such a limit. */
  waitMs(keyId: string): number;
  /**
   * Begins to count what a key uses, with what an earlier relay has let it use, in that order; before anything else is counted of
   * it.
   */
  recall(keyId: string, limits: MinuteLimits, uses: readonly PastUse[]): void;
  allowances(keyId: string): Allowances | undefined;
  /** Learns limits that were changed, so that also what waits goes by them; keeps what was used. */
  fit(keyId: string, limits: MinuteLimits): void;
};

/** `at` in milliseconds since 1970. */
export type PastUse = { readonly at: number; readonly requests: number; readonly tokens: number };

const MINUTE_MS = 60_000;

type Bucket = { limit: number; level: number; at: number };
type Buckets = { requests: Bucket | null; tokens: Bucket | null };

/**
 * A bucket per limit, that fills evenly within a minute: a burst may take all of it at once. None is forgotten, since a job of
 * its key may still run: there are as many as keys with limits.
 *
 * Tokens are known only when a job has ended, so that the last job of a minute may go beyond the limit; the key then
 * waits until that is made up for. `now` in milliseconds.
 */
export function createRateLimits(now: () => number): RateLimits {
  const known = new Map<string, Buckets>();

  const bucketsOf = (keyId: string, limits: MinuteLimits): Buckets => {
    const buckets = known.get(keyId) ?? { requests: null, tokens: null };
    buckets.requests = fitted(buckets.requests, limits.requestsPerMinute, now());
    buckets.tokens = fitted(buckets.tokens, limits.tokensPerMinute, now());
    known.set(keyId, buckets);
    return buckets;
  };

  return {
    fit: (keyId, limits) => {
      const isLimited = limits.requestsPerMinute !== null || limits.tokensPerMinute !== null;
      if (isLimited || known.has(keyId)) bucketsOf(keyId, limits);
    },
    admit: (keyId, limits, count = 1) => {
      // Those of a request may be from before a change: its body can take minutes.
      const { requests, tokens } = known.get(keyId) ?? bucketsOf(keyId, limits);
      if (tokens !== null && fill(tokens, now()) <= 0) throw exceeded('tokens', tokens, 1);
      if (requests === null) return;
      if (fill(requests, now()) < count) throw exceeded('requests', requests, count);
      requests.level -= count;
    },
    spend: (keyId, used) => {
      const tokens = known.get(keyId)?.tokens;
      if (tokens == null) return;
      fill(tokens, now());
      tokens.level -= used;
    },
    waitMs: (keyId) => {
      const tokens = known.get(keyId)?.tokens;
      return tokens == null || fill(tokens, now()) > 0 ? 0 : msUntil(tokens, 1);
    },
    recall: (keyId, limits, uses) => {
      const buckets = bucketsOf(keyId, limits);
      for (const { at, requests, tokens } of uses) {
        if (buckets.requests !== null) buckets.requests.level = Math.max(0, fill(buckets.requests, at) - requests);
        if (buckets.tokens !== null) buckets.tokens.level = fill(buckets.tokens, at) - tokens;
      }
    },
    allowances: (keyId) => {
      const buckets = known.get(keyId);
      return buckets && { requests: allowance(buckets.requests, now()), tokens: allowance(buckets.tokens, now()) };
    },
  };
}

/**
 * The bucket of a limit; one whose limit was changed keeps what was used of it. What was within the limit that it had is nothing to
 * make up for: else a key whose limit is lowered from 6,000 to 60 would wait for an hour and a half.
 */
function fitted(bucket: Bucket | null, limit: number | null, at: number): Bucket | null {
  if (limit === null) return null;
  if (bucket === null) return { limit, level: limit, at };
  if (limit === bucket.limit) return bucket;
  const level = fill(bucket, at);
  bucket.level = Math.max(level + limit - bucket.limit, Math.min(0, level));
  bucket.limit = limit;
  return bucket;
}

function fill(bucket: Bucket, now: number): number {
  const elapsedMs = Math.max(0, now - bucket.at);
  bucket.level = Math.min(bucket.limit, bucket.level + (elapsedMs * bucket.limit) / MINUTE_MS);
  bucket.at = now;
  return bucket.level;
}

/** Of a level that the bucket has not reached. */
function msUntil(bucket: Bucket, level: number): number {
  return Math.ceil(((level - bucket.level) * MINUTE_MS) / bucket.limit);
}

function allowance(bucket: Bucket | null, now: number): Allowance | null {
  if (bucket === null) return null;
  const remaining = Math.max(0, Math.floor(fill(bucket, now)));
  return { limit: bucket.limit, remaining, resetMs: msUntil(bucket, bucket.limit) };
}

function exceeded(what: 'requests' | 'tokens', bucket: Bucket, level: number): Problem {
  const retryAfterMs = msUntil(bucket, level);
  const sentence =
    level > bucket.limit
      ? `This key may use ${bucket.limit} ${what} a minute, and these are ${level}. Send fewer at once.`
      : `This key may use ${bucket.limit} ${what} a minute, and has. Try again in ${retryAfterMs} ms.`;
  return new Problem('rate_limit_exceeded', sentence, { retryAfterMs });
}
