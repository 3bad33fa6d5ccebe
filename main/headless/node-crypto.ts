import { createPrivateKey, hash, sign } from 'node:crypto';
import type { HostCrypto } from '../../shared/identity/host-crypto.ts';
import { seedBytes } from '../../shared/identity/key-text.ts';

/** What stands before the 32 bytes of an Ed25519 seed in a PKCS #8 document (RFC 8410). */
const PKCS8_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Signs and hashes with node:crypto, without a detour through its threads. Throws a `TypeError` for what is no seed. */
export function createNodeCrypto(seed: Uint8Array): HostCrypto {
  const raw = seedBytes(seed)?.key;
  if (raw === undefined) throw new TypeError('This is not the seed of a node key.');
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEADER, raw]), format: 'der', type: 'pkcs8' });
  return {
    sign: (data) => sign(null, data, key),
    sha256Hex: (content) => hash('sha256', content, 'hex'),
    sha256: (content) => hash('sha256', content, 'buffer'),
    soon: (run) => void setImmediate(run),
  };
}
