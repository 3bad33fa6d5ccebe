import { Problem } from '../../shared/problems/problem.ts';
import { type BucketSize, createTokenBucket, type TokenBucket } from './token-bucket.ts';

/** Counts what strangers may do only so often, per address and all together. */
export type AttemptLimit = {
  /** Errors: `too_many_attempts` with the time to wait. */
  assertMayTry(address: string): void;
  count(address: string): void;
};

export type AttemptLimitOptions = { perAddress: BucketSize; overall: BucketSize; now: () => number };

/** Addresses that are remembered; whoever has more of them meets the limit of all together. */
const MOST_ADDRESSES = 10_000;

/**
 * Invariants: (1) memory is bounded, whoever asks; (2) whether one may try changes nothing, so that those who succeed
 * are never held up by the number of those who do.
 */
export function createAttemptLimit({ perAddress, overall, now }: AttemptLimitOptions): AttemptLimit {
  const all = createTokenBucket(overall);
  const buckets = new Map<string, TokenBucket>();
  const makeRoom = (): void => {
    if (buckets.size < MOST_ADDRESSES) return;
    for (const [key, bucket] of buckets) if (bucket.isFull(now())) buckets.delete(key);
    const [oldest] = buckets.keys();
    if (buckets.size >= MOST_ADDRESSES && oldest !== undefined) buckets.delete(oldest);
  };
  return {
    assertMayTry: (address) => {
      const waitMs = Math.max(buckets.get(networkOf(address))?.waitMs(now()) ?? 0, all.waitMs(now()));
      if (waitMs === 0) return;
      const seconds = Math.ceil(waitMs / 1_000);
      throw new Problem('too_many_attempts', `Too many attempts have failed. Try again in ${seconds} s.`, {
        retryAfterMs: waitMs,
      });
    },
    count: (address) => {
      const key = networkOf(address);
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        makeRoom();
        bucket = createTokenBucket(perAddress);
        buckets.set(key, bucket);
      }
      bucket.take(now());
      all.take(now());
    },
  };
}

/** One household has one IPv4 address, or 2^64 of IPv6. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:/, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) while (groups.length < 4) groups.push('0');
  return groups.slice(0, 4).join(':');
}
