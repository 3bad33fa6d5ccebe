import { Problem } from '../../shared/problems/problem.ts';

/** Which nonces were used, for as long as their requests could be taken once more. */
export type NonceMemory = {
  /**
   * Notes a nonce for the time at which it was signed. Errors: `nonce_repeated`, and `rate_limit_exceeded` when the key
   * has as many as are remembered of one.
   */
  spend(keyId: string, nonce: string, signedAt: number): void;
  /** How many are remembered. */
  size(): number;
};

export type NonceMemoryOptions = {
  /** How long after its signing a request is taken. */
  maxAgeMs: number;
  mostPerKey?: number;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Milliseconds, monotonic. */
  elapsed?: () => number;
};

const MINUTE_MS = 60_000;
/** Three hundred requests a second for as long as nonces live, and some 10 MB for a key that does that. */
const MOST_PER_KEY = 100_000;

/** Those whose requests were signed in one minute; `lastAt` by the monotonic clock. */
type Minute = { nonces: Set<string>; lastAt: number };
type Used = { minutes: Map<number, Minute>; count: number };

/**
 * Invariants: (1) a nonce is remembered until every request that was signed in the same minute is too old to be taken, also
 * where a clock that was ahead is set right; (2) none is forgotten for want of room: a key that has no more is refused; (3) only
 * nonces under a valid signature come here, so that strangers fill nothing; (4) keys that are not used any more are swept within
 * a minute of any other's use.
 */
export function createNonceMemory({
  maxAgeMs,
  mostPerKey = MOST_PER_KEY,
  now,
  elapsed = () => performance.now(),
}: NonceMemoryOptions): NonceMemory {
  const keys = new Map<string, Used>();
  let sweptAt = elapsed();

  const msLeft = (minute: number, { lastAt }: Minute): number =>
    Math.max((minute + 1) * MINUTE_MS + maxAgeMs - now(), lastAt + maxAgeMs - elapsed());
  const dropOld = (used: Used): void => {
    for (const [minute, noted] of used.minutes) {
      if (msLeft(minute, noted) > 0) continue;
      used.minutes.delete(minute);
      used.count -= noted.nonces.size;
    }
  };
  const sweep = (): void => {
    if (elapsed() - sweptAt < MINUTE_MS) return;
    sweptAt = elapsed();
    for (const [keyId, used] of keys) {
      dropOld(used);
      if (used.count === 0) keys.delete(keyId);
    }
  };

  return {
    spend: (keyId, nonce, signedAt) => {
      sweep();
      const used = keys.get(keyId) ?? { minutes: new Map<number, Minute>(), count: 0 };
      dropOld(used);
      for (const { nonces } of used.minutes.values()) if (nonces.has(nonce)) throw repeated();
      if (used.count >= mostPerKey) {
        throw tooMany(mostPerKey, Math.min(...Array.from(used.minutes, ([minute, noted]) => msLeft(minute, noted))));
      }
      const minute = Math.floor(signedAt / MINUTE_MS);
      const nonces = used.minutes.get(minute)?.nonces ?? new Set<string>();
      used.minutes.set(minute, { nonces: nonces.add(nonce), lastAt: elapsed() });
      used.count += 1;
      keys.set(keyId, used);
    },
    size: () => [...keys.values()].reduce((sum, { count }) => sum + count, 0),
  };
}

function repeated(): Problem {
  return new Problem('nonce_repeated', 'This nonce was used before. Sign each request anew, with a nonce of its own.');
}

function tooMany(most: number, leftMs: number): Problem {
  const sentence = `A key may sign ${most} requests within some minutes, and this one has. Try again later.`;
  return new Problem('rate_limit_exceeded', sentence, { retryAfterMs: Math.max(1, Math.ceil(leftMs)) });
}
