import { LIMITS } from '../../../shared/protocol/limits.ts';

/** Leases are looked at this often; a fifteenth of a lease is as exact as anyone needs. */
const SWEEP_INTERVAL_MS = 1_000;

/**
 * Looks again and again for whose lease is over. A relay whose machine slept has heard nobody, although everybody may be there:
 * whoever is not heard within a lease's time after that is gone. Returns how to stop.
 */
export function sweepLeases(now: () => number, expire: (at: number) => void): () => void {
  let sweptAt = now();
  let blindUntil = Number.NEGATIVE_INFINITY;
  const timer = setInterval(() => {
    const at = now();
    // Also when the clock is set back, or the end of an earlier blindness would lie as far ahead as it was wrong.
    if (at - sweptAt > LIMITS.heartbeatIntervalMs || at < sweptAt) blindUntil = at + LIMITS.leaseMs;
    sweptAt = at;
    if (at >= blindUntil) expire(at);
  }, SWEEP_INTERVAL_MS);
  return () => clearInterval(timer);
}

/** Whoever was heard at a time that is yet to come, since the clock was set back, has a lease's time from now. */
export function isLeaseOver(one: { heardAt: number }, at: number): boolean {
  one.heardAt = Math.min(one.heardAt, at);
  return at - one.heardAt > LIMITS.leaseMs;
}
