import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '../../shared/problems/problem.ts';
import type { Principal } from './api-keys.ts';
import { createNonceMemory, type NonceMemory } from './nonce-memory.ts';
import { EMPTY_DIGEST, isSignatureOf, readSignature, type SignedParts } from './request-signature.ts';
import type { SigningSecrets } from './signing-secrets.ts';

export type SignedRequest = { method: string; target: string; headers: IncomingHttpHeaders };

/** Holds keys that sign their requests to that. */
export type SignatureGuard = {
  /**
   * Passes a request that is signed, new and of now, and returns the SHA-256 that its body must have.
   * Errors: `signature_required`, `signature_invalid`, `signature_expired`, `nonce_repeated`, `rate_limit_exceeded`.
   */
  admit(request: SignedRequest, signer: Signer): string;
};

/** The key that must have signed. */
export type Signer = NonNullable<Principal['mustSign']>;

export type SignatureGuardOptions = {
  secrets: SigningSecrets;
  nonces?: NonceMemory;
  /** Milliseconds since 1970. */
  now: () => number;
};

/** How long a request may be under way; a client whose clock is slower than this cannot ask. */
const SIGNATURE_MAX_AGE_MS = 5 * 60_000;
/** Clocks that are kept right differ by less. A relay that has started must wait for as long before it knows all nonces. */
const SIGNATURE_MAX_AHEAD_MS = 5_000;

/**
 * Invariants: (1) nothing is remembered of a request before its signature has proved right; (2) a request that an earlier
 * run of the relay may have taken is refused, since its nonce is not known any more; a key that is younger than this run
 * has none of those; (3) of the body only the claimed digest is known here; whoever reads it must compare.
 */
export function createSignatureGuard({
  secrets,
  now,
  nonces = createNonceMemory({ maxAgeMs: SIGNATURE_MAX_AGE_MS, now }),
}: SignatureGuardOptions): SignatureGuard {
  const startedAt = now();
  return {
    admit: ({ method, target, headers }, { keyId, since }) => {
      const { signature, ...rest } = readSignature(headers);
      const parts: SignedParts = { ...rest, method, target };
      const signedAt = Number(parts.timestamp) * 1_000;
      assertOfNow(signedAt, now());
      if (!isSignatureOf(parts, secrets.of(keyId), signature)) throw wrongSignature(parts);
      if (since < startedAt) assertAfterStart(signedAt, startedAt + SIGNATURE_MAX_AHEAD_MS, now());
      nonces.spend(keyId, parts.nonce, signedAt);
      if (!hasBody(headers) && parts.digest !== EMPTY_DIGEST) throw bodyAltered();
      return parts.digest;
    },
  };
}

export function bodyAltered(): Problem {
  return new Problem('body_altered', 'The body is not the one that was signed. Sign the bytes that are sent.');
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function assertOfNow(signedAt: number, now: number): void {
  const ageMs = now - signedAt;
  if (ageMs <= SIGNATURE_MAX_AGE_MS && ageMs >= -SIGNATURE_MAX_AHEAD_MS) return;
  const seconds = Math.round(Math.abs(ageMs) / 1_000);
  const where = ageMs > 0 ? `${seconds} s ago` : `${seconds} s ahead of the relay's clock`;
  throw new Problem('signature_expired', `The request was signed ${where}. Set the clock right, and sign anew.`);
}

function assertAfterStart(signedAt: number, floor: number, now: number): void {
  if (signedAt > floor) return;
  const retryAfterMs = Math.max(0, floor + 1_000 - now);
  const sentence =
    'The relay was started after that was signed, and cannot know whether it was taken before. Sign anew';
  throw new Problem('signature_expired', `${sentence}${retryAfterMs > 0 ? ` in ${retryAfterMs} ms` : ''}.`);
}

function wrongSignature(parts: SignedParts): Problem {
  const told = `${parts.method} and ${parts.target.split('?', 1)[0]}`;
  return new Problem(
    'signature_invalid',
    `The signature does not fit. The relay saw ${told}; SECURITY.md says what is signed.`,
  );
}
