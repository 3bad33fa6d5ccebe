import { createPublicKey, type KeyObject } from 'node:crypto';
import { Problem } from '../../shared/problems/problem.ts';

/** Reads the TLS key of a node: ECDSA P-256, SPKI in base64url. Errors: `invalid_value`. */
export function readNodeKey(text: string): KeyObject {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64url'), format: 'der', type: 'spki' });
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // Said below, whatever it is.
  }
  throw new Problem('invalid_value', 'The TLS key of the node is no ECDSA key on P-256.', { param: 'proof.tlsKey' });
}
