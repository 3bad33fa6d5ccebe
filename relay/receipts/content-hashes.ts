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
  text(text: string, choice?: number): void;
  /** A piece of a tool call; the first of each call has its name. */
  toolCall(piece: { name?: string; arguments: string }, choice?: number): void;
  /** Vectors as a frame carries them: little-endian float32 in base64. */
  vectors(base64: string): void;
  output(output: JsonInput): void;
  /** The `responseHash` of a receipt, hex; may be called once. */
  digest(): string;
};

/**
 * Hashes an answer of so many choices while it passes, so that it is never held for the sake of its receipt. The text of
 * a choice comes before its calls.
 */
export function createResponseHasher(choices = 1): ResponseHasher {
  const hashes = [createLazyHash()];
  while (hashes.length < choices) hashes.push(createLazyHash());
  return {
    text: (text, choice = 0) => hashes[choice]?.text(text),
    toolCall: (piece, choice = 0) => {
      const begin = piece.name === undefined ? '' : `\0${piece.name}\0`;
      hashes[choice]?.text(begin + piece.arguments);
    },
    vectors: (base64) => void hashes[0]?.running().update(base64, 'base64'),
    output: (output) => void hashes[0]?.running().update(outputBytes(output)),
    digest: () => {
      const digests = hashes.map((one) => one.digest());
      return digests.length === 1 ? (digests[0] ?? '') : hash('sha256', digests.join(''), 'hex');
    },
  };
}

/** Only the first text is held: an answer that comes whole needs no running hash, which costs several times as much. */
function createLazyHash() {
  let first: string | undefined;
  let hasher: Hash | undefined;
  const running = (): Hash => (hasher ??= createHash('sha256').update(first ?? '', 'utf8'));
  return {
    running,
    text: (text: string): void => {
      if (first === undefined && hasher === undefined) first = text;
      else running().update(text, 'utf8');
    },
    digest: (): string => (hasher === undefined ? hash('sha256', first ?? '', 'hex') : hasher.digest('hex')),
  };
}
