import { hkdfSync } from 'node:crypto';

/** The secret that a key's requests are signed with, as its client has it. */
export type SigningSecrets = { of(keyId: string): string };

const LABEL = 'sparewatt request signatures v1\n';

/**
 * Secrets are derived from the seed of the relay's identity (HKDF-SHA-256) and stored nowhere: a hash would not do, since
 * whoever checks an HMAC needs what made it, and the database alone shall not let its reader sign.
 */
export function deriveSigningSecrets(relaySeed: string): SigningSecrets {
  return {
    of: (keyId) => `sw-sign-${Buffer.from(hkdfSync('sha256', relaySeed, '', LABEL + keyId, 32)).toString('base64url')}`,
  };
}
