import { bytesToHex } from '../protocol/hex.ts';
import type { Sha256 } from '../receipts/log/tree-hashes.ts';
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
  sha256(content: Uint8Array<ArrayBuffer>): Sha256 | Promise<Sha256>;
  /** Runs it when what the host does at this moment is done: what ends until then is signed together. */
  soon(run: () => void): void;
};

/** For a host that has nothing better, such as a browser. */
export function webHostCrypto(signer: Promise<Signer>): HostCrypto {
  const encoder = new TextEncoder();
  const sha256 = async (bytes: Uint8Array<ArrayBuffer>) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return {
    sign: async (data) => (await signer).sign(data),
    sha256Hex: async (content) =>
      bytesToHex(await sha256(typeof content === 'string' ? encoder.encode(content) : content)),
    sha256,
    // Timers of a hidden page wait for a second; while one signature is made, the next ones gather anyway.
    soon: (run) => queueMicrotask(run),
  };
}
