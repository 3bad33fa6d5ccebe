import { publicKeyText } from '../../shared/identity/key-text.ts';
import type { Signer } from '../../shared/identity/signer.ts';
import { Problem } from '../../shared/problems/problem.ts';

const ED25519 = 'Ed25519';

/** A new key that this browser uses and shows to nobody, itself included. Errors: `unsupported_browser`. */
export async function createNodeKeys(): Promise<CryptoKeyPair> {
  try {
    return (await crypto.subtle.generateKey(ED25519, false, ['sign', 'verify'])) as CryptoKeyPair;
  } catch (cause) {
    throw new Problem(
      'unsupported_browser',
      'This browser cannot keep an Ed25519 key. Use Chrome or Edge 137, Firefox 129, Safari 17 or a newer one.',
      { cause },
    );
  }
}

/** The key as the node's agent uses it. */
export async function signerOfKeys({ publicKey, privateKey }: CryptoKeyPair): Promise<Signer> {
  // A public key is never secret, so that it can be exported whatever was said at its making.
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey));
  return {
    publicKey: publicKeyText('node', raw),
    sign: async (data) => new Uint8Array(await crypto.subtle.sign(ED25519, privateKey, new Uint8Array(data))),
  };
}
