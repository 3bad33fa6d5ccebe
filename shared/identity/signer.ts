import { base64UrlToBytes } from '../protocol/base64.ts';
import { publicKeyBytes, publicKeyText, seedBytes } from './key-text.ts';

/** A key that can be used and not seen: what a host keeps in a file, a keychain or another process. */
export type Signer = {
  /** NATS text form: `U…` for a node, `N…` for a relay. */
  readonly publicKey: string;
  /** The Ed25519 signature, 64 bytes. */
  sign(data: Uint8Array): Promise<Uint8Array>;
};

/** What stands before the 32 bytes of an Ed25519 key in a PKCS #8 document (RFC 8410). */
const PKCS8_HEADER = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);
const ED25519 = 'Ed25519';

/**
 * Signs with WebCrypto, which Node, Electron and browsers have in common (browsers only where the page came over HTTPS
 * or from this machine). Throws a `TypeError` for what is no seed of a node or relay.
 */
export async function signerOfSeed(seed: Uint8Array): Promise<Signer> {
  const parts = seedBytes(seed);
  if (parts === undefined) throw new TypeError('This is not the seed of a node or relay key.');
  const document = Uint8Array.of(...PKCS8_HEADER, ...parts.key);
  const key = await crypto.subtle.importKey('pkcs8', document, ED25519, true, ['sign']);
  // WebCrypto gives the public half of a private key only this way.
  const { x = '' } = await crypto.subtle.exportKey('jwk', key);
  const publicKey = publicKeyText(parts.role, base64UrlToBytes(x) ?? new Uint8Array());
  return {
    publicKey,
    sign: async (data) => new Uint8Array(await crypto.subtle.sign(ED25519, key, new Uint8Array(data))),
  };
}

/** Whether the owner of a public key signed the data. Text that is no key, and bytes that are no signature, did not. */
export async function isSignedBy(publicKey: string, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const bytes = publicKeyBytes(publicKey);
  if (bytes === undefined || signature.length !== 64) return false;
  const key = await crypto.subtle.importKey('raw', bytes, ED25519, false, ['verify']);
  return crypto.subtle.verify(ED25519, key, new Uint8Array(signature), new Uint8Array(data));
}
