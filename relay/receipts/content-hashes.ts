import { createHash, type Hash, hash } from 'node:crypto';
import type { JsonInput } from '../../shared/protocol/messages.ts';
import { type HashedRequest, outputBytes, requestBytes } from '../../shared/receipts/hashed-content.ts';

/** SHA-256 as hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

/** The `requestHash` of a receipt, hex. */
export function hashRequest(request: HashedRequest): string {
  return sha256Hex(requestBytes(request));
}

export type ResponseHasher = {
  text(text: string): void;
  /** Vectors as a frame carries them: little-endian float32 in base64. */
  vectors(base64: string): void;
  output(output: JsonInput): void;
  /** The `responseHash` of a receipt, hex; may be called once. */
  digest(): string;
};

/**
 * Hashes an answer while it passes, so that it is never held for the sake of its receipt. Only the first text is: an
 * answer that comes whole needs no running hash, which costs several times as much.
 */
export function createResponseHasher(): ResponseHasher {
  let first: string | undefined;
  let running: Hash | undefined;
  const go = (): Hash => (running ??= createHash('sha256').update(first ?? '', 'utf8'));
  return {
    text: (text) => {
      if (first === undefined && running === undefined) first = text;
      else go().update(text, 'utf8');
    },
    output: (output) => void go().update(outputBytes(output)),
    vectors: (base64) => void go().update(base64, 'base64'),
    digest: () => (running === undefined ? hash('sha256', first ?? '', 'hex') : running.digest('hex')),
  };
}
