import { hash, randomUUID } from 'node:crypto';
import { SIGNATURE_HEADERS, signatureOf } from '../../access/request-signature.ts';

/** Of the keys that this process asks with, those whose requests must be signed. A command asks with one and ends. */
const secrets = new Map<string, string>();

/** Has what is asked with this key signed from here on; secrets of keys that need none do no harm. */
export function signRequestsOf(apiKey: string, signingSecret: string): void {
  secrets.set(apiKey, signingSecret);
}

export type OutgoingRequest = { method: string; url: string; apiKey: string; body?: string | undefined } & {
  /** SHA-256 of a body that is sent otherwise, hex. */
  digest?: string | undefined;
};

/** The headers by which a request shows whose it is, and that nobody has changed or repeated it. */
export function headersOf({ method, url, apiKey, body, digest }: OutgoingRequest): Record<string, string> {
  const headers = {
    authorization: `Bearer ${apiKey}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const secret = secrets.get(apiKey);
  if (secret === undefined) return headers;
  const { pathname, search } = new URL(url);
  const parts = {
    method,
    target: pathname + search,
    timestamp: String(Math.floor(Date.now() / 1_000)),
    nonce: randomUUID(),
    digest: digest ?? hash('sha256', body ?? '', 'hex'),
  };
  return {
    ...headers,
    [SIGNATURE_HEADERS.timestamp]: parts.timestamp,
    [SIGNATURE_HEADERS.nonce]: parts.nonce,
    [SIGNATURE_HEADERS.digest]: parts.digest,
    [SIGNATURE_HEADERS.signature]: signatureOf(parts, secret),
  };
}
