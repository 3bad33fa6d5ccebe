import { Problem } from '../../shared/problems/problem.ts';

/** Who sends a request again, under which mark, and what it asked; in a hash. Without a key nothing is known of an earlier one. */
export type Repeatable = {
  readonly apiKeyId: string;
  readonly idempotencyKey: string | null;
  readonly requestHash: string;
};

const IN_FLIGHT_RETRY_MS = 1_000;

export function stillInFlight(): Problem {
  return new Problem('idempotency_in_flight', 'A request with this Idempotency-Key is being answered. Ask again.', {
    retryAfterMs: IN_FLIGHT_RETRY_MS,
  });
}

/** `made` as in "whose job is job_…". */
export function keyReused(made: string): Problem {
  return new Problem(
    'idempotency_key_reused',
    `This Idempotency-Key was sent with another request, ${made}. Send a new key with a new request.`,
  );
}
