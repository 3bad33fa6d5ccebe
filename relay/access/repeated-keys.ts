import { hkdfSync } from 'node:crypto';
import { apiKeyOf, newApiKey } from './api-keys.ts';

/** Under which id a key is made, and what its request is marked with; null for one that cannot be repeated. */
export type KeyOrigin = { readonly keyId: string; readonly idempotencyKey: string | null };

/** The API key of a request: the same for one that is repeated, else a new one each time. */
export type KeyMaker = (origin: KeyOrigin) => string;

const LABEL = 'sparewatt api keys of repeated requests v1\n';

/**
 * Of a key only its hash is stored, so that an answer that was lost could never be given again. One whose request may be
 * repeated is derived (HKDF-SHA-256) from the seed of the relay's identity, its id, and the client's own mark, of which
 * the database has only a digest: neither the database nor the data folder alone tells it.
 */
export function deriveRepeatedKeys(relaySeed: string): KeyMaker {
  return ({ keyId, idempotencyKey }) =>
    idempotencyKey === null
      ? newApiKey()
      : apiKeyOf(Buffer.from(hkdfSync('sha256', relaySeed, idempotencyKey, LABEL + keyId, 32)));
}
