import { createHash, hash } from 'node:crypto';
import { type HashedRequest, requestBytes } from '../../shared/receipts/hashed-content.ts';

/** SHA-256 as hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

/** The `requestHash` of a receipt, hex. */
export function hashRequest(request: HashedRequest): string {
  return sha256Hex(requestBytes(request));
}

export type ResponseHasher = {
  text(text: string, choice?: number): void;
  /** A piece of a tool call; the first of each call has its name. */
  toolCall(piece: { name?: string; arguments: string }, choice?: number): void;
  /** Vectors as a frame carries them: little-endian float32 in base64. */
  vectors(base64: string): void;
  /** The `responseHash` of a receipt, hex; may be called once. */
  digest(): string;
};

/**
 * Hashes an answer of so many choices while it passes, so that it is never held for the sake of its receipt. The text of
 * a choice comes before its calls.
 */
export function createResponseHasher(choices = 1): ResponseHasher {
  const running = Array.from({ length: choices }, () => createHash('sha256'));
  return {
    text: (text, choice = 0) => void running[choice]?.update(text, 'utf8'),
    toolCall: (piece, choice = 0) => {
      const begin = piece.name === undefined ? '' : `\0${piece.name}\0`;
      running[choice]?.update(begin + piece.arguments, 'utf8');
    },
    vectors: (base64) => void running[0]?.update(base64, 'base64'),
    digest: () => {
      const digests = running.map((one) => one.digest('hex'));
      return digests.length === 1 ? (digests[0] ?? '') : hash('sha256', digests.join(''), 'hex');
    },
  };
}
