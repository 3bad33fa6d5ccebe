import type { Signer } from './signer.ts';

/**
 * What a host lends a node for what happens once per job. Node's own takes 0.05 ms and answers at once, WebCrypto
 * several times as much and answers later.
 */
export type HostCrypto = {
  /** The Ed25519 signature of the node's key, 64 bytes. */
  sign(data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** A text is hashed as UTF-8. */
  sha256Hex(content: Uint8Array<ArrayBuffer> | string): string | Promise<string>;
};

/** For a host that has nothing better, such as a browser. */
export function webHostCrypto(signer: Promise<Signer>): HostCrypto {
  const encoder = new TextEncoder();
  return {
    sign: async (data) => (await signer).sign(data),
    sha256Hex: async (content) => {
      const bytes = typeof content === 'string' ? encoder.encode(content) : content;
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
    },
  };
}
