import { createHash, hash } from 'node:crypto';
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

/** Hashes an answer while it passes, so that it is never held for the sake of its receipt. */
export function createResponseHasher(): ResponseHasher {
  const running = createHash('sha256');
  return {
    text: (text) => void running.update(text, 'utf8'),
    vectors: (base64) => void running.update(base64, 'base64'),
    output: (output) => void running.update(outputBytes(output)),
    digest: () => running.digest('hex'),
  };
}
