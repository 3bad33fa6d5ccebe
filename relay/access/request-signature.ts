import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '../../shared/problems/problem.ts';

export const SIGNATURE_HEADERS = {
  /** Seconds since 1970. */
  timestamp: 'x-sparewatt-timestamp',
  /** Never used before with this key; it goes into the receipt too. */
  nonce: 'x-sparewatt-nonce',
  /** SHA-256 of the body as it is sent, hex; of nothing when there is none. */
  digest: 'x-sparewatt-content-sha256',
  /** HMAC-SHA-256 of `textToSign`, hex. */
  signature: 'x-sparewatt-signature',
} as const;

/** What a client says of its request and signs. */
export type SignedParts = {
  readonly method: string;
  /** Path and query, byte for byte as they are sent. */
  readonly target: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly digest: string;
};

export const EMPTY_DIGEST = hash('sha256', '', 'hex');

/** No part can hold a line feed: two requests never have one text. */
export function textToSign({ method, target, timestamp, nonce, digest }: SignedParts): string {
  return ['sparewatt-hmac-v1', method, target, timestamp, nonce, digest].join('\n');
}

export function signatureOf(parts: SignedParts, secret: string): string {
  return createHmac('sha256', secret).update(textToSign(parts)).digest('hex');
}

/** Whether a signature of 64 hex digits is that of these parts. */
export function isSignatureOf(parts: SignedParts, secret: string, signature: string): boolean {
  return timingSafeEqual(Buffer.from(signatureOf(parts, secret)), Buffer.from(signature));
}

const FORMS: Record<keyof typeof SIGNATURE_HEADERS, { pattern: RegExp; words: string }> = {
  timestamp: { pattern: /^[0-9]{1,12}$/, words: 'seconds since 1970' },
  nonce: { pattern: /^[A-Za-z0-9_-]{16,64}$/, words: '16 to 64 letters, digits, _ or -' },
  digest: { pattern: /^[0-9a-f]{64}$/, words: 'the SHA-256 of the body as 64 small hex digits' },
  signature: { pattern: /^[0-9a-f]{64}$/, words: 'an HMAC-SHA-256 as 64 small hex digits' },
};

const HOW_TO_SIGN = 'Sign as SECURITY.md of Sparewatt shows; its own command does so with --signing-secret.';

/** Reads the four headers. Errors: `signature_required`, naming the first that is missing or malformed. */
export function readSignature(headers: IncomingHttpHeaders): Omit<SignedParts, 'method' | 'target'> & {
  readonly signature: string;
} {
  const read = (part: keyof typeof SIGNATURE_HEADERS): string => {
    const [name, { pattern, words }] = [SIGNATURE_HEADERS[part], FORMS[part]];
    const value = headers[name];
    if (typeof value === 'string' && pattern.test(value)) return value;
    const fault = value === undefined ? 'is missing' : `must be ${words}`;
    const message = `Requests of this key must be signed: the header ${name} ${fault}. ${HOW_TO_SIGN}`;
    throw new Problem('signature_required', message, { param: name });
  };
  return { timestamp: read('timestamp'), nonce: read('nonce'), digest: read('digest'), signature: read('signature') };
}
