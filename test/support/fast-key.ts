import { generateKeyPairSync, sign } from 'node:crypto';
import type { NKey } from '../../relay/fabric/bus/nkey.ts';
import { publicKeyText } from '../../shared/identity/key-text.ts';

/** A node's key without its seed. The library takes milliseconds for a whole one, which 10,000 times are a minute. */
export function createFastKey(): NKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { publicKey: publicKeyText('node', raw), seed: '', sign: (data) => sign(null, data, privateKey) };
}
