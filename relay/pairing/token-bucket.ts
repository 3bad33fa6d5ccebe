export type BucketSize = {
  /** How many may be taken at once. */
  capacity: number;
  /** One comes back in this time. */
  refillMs: number;
};

/** Tokens that are taken and come back with time. The clock is an argument. */
export type TokenBucket = {
  /** 0 when a token is there, else the milliseconds until one is. */
  waitMs(now: number): number;
  /** Takes a token, or the last part of one. */
  take(now: number): void;
  isFull(now: number): boolean;
};

export function createTokenBucket({ capacity, refillMs }: BucketSize): TokenBucket {
  let tokens = capacity;
  let countedAt: number | undefined;
  const count = (now: number): number => {
    // A clock that was set back gives nothing and takes nothing.
    if (countedAt !== undefined) tokens = Math.min(capacity, tokens + Math.max(0, now - countedAt) / refillMs);
    countedAt = now;
    return tokens;
  };
  return {
    waitMs: (now) => Math.ceil(Math.max(0, 1 - count(now)) * refillMs),
    take: (now) => {
      tokens = Math.max(0, count(now) - 1);
    },
    isFull: (now) => count(now) >= capacity,
  };
}
