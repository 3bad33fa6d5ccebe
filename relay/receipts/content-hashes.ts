import { createHash, type Hash, hash } from 'node:crypto';
import type { JsonInput } from '../../shared/protocol/messages.ts';
import {
  createThoughtMarks,
  type HashedRequest,
  outputBytes,
  requestBytes,
} from '../../shared/receipts/hashed-content.ts';

/** SHA-256 as hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

/** Hex, and how many bytes it covers. */
export type ContentHash = { readonly hash: string; readonly sizeBytes: number };

/** The `requestHash` of a receipt. */
export function hashRequest(request: HashedRequest): ContentHash {
  const bytes = requestBytes(request);
  return { hash: sha256Hex(bytes), sizeBytes: bytes.length };
}

export type ResponseHasher = {
  text(text: string, more?: { choice?: number; reasoning?: true }): void;
  /** A piece of a tool call; the first of each call has its name. */
  toolCall(piece: { name?: string; arguments: string }, choice?: number): void;
  /** Vectors as a frame carries them: little-endian float32 in base64. */
  vectors(base64: string): void;
  output(output: JsonInput): void;
  /** Of what has passed so far. */
  sizeBytes(): number;
  /** The `responseHash` of a receipt; may be called once. */
  digest(): ContentHash;
};

/**
 * Hashes an answer of so many choices while it passes, so that it is never held for the sake of its receipt. What was thought
 * of a choice comes before its text, and that before its calls.
 */
export function createResponseHasher(choices = 1): ResponseHasher {
  const hashes = [createLazyHash()];
  while (hashes.length < choices) hashes.push(createLazyHash());
  const sizeBytes = (): number => hashes.reduce((sum, one) => sum + one.sizeBytes(), 0);
  return {
    text: (text, { choice = 0, reasoning } = {}) => hashes[choice]?.text(text, reasoning === true),
    toolCall: (piece, choice = 0) => {
      const begin = piece.name === undefined ? '' : `\0${piece.name}\0`;
      hashes[choice]?.text(begin + piece.arguments, false);
    },
    vectors: (base64) => hashes[0]?.bytes(Buffer.from(base64, 'base64')),
    output: (output) => hashes[0]?.bytes(outputBytes(output)),
    sizeBytes,
    digest: () => {
      const digests = hashes.map((one) => one.digest());
      const [first = ''] = digests;
      return { hash: digests.length === 1 ? first : hash('sha256', digests.join(''), 'hex'), sizeBytes: sizeBytes() };
    },
  };
}

/** Hashed in pieces of about this many characters: one call per token costs more than what it hashes. */
const PIECE_CHARACTERS = 2_048;

/** Holds what is not hashed yet: an answer that comes whole needs no running hash, which costs several times as much. */
function createLazyHash() {
  let held = '';
  let hasher: Hash | undefined;
  let sizeBytes = 0;
  const marked = createThoughtMarks();
  const hashHeld = (): Hash => {
    hasher ??= createHash('sha256');
    if (held === '') return hasher;
    sizeBytes += Buffer.byteLength(held, 'utf8');
    hasher.update(held, 'utf8');
    held = '';
    return hasher;
  };
  return {
    sizeBytes: () => sizeBytes + Buffer.byteLength(held, 'utf8'),
    bytes: (bytes: Uint8Array): void => {
      hashHeld().update(bytes);
      sizeBytes += bytes.length;
    },
    text: (text: string, isReasoning: boolean): void => {
      held += marked(text, isReasoning);
      if (held.length >= PIECE_CHARACTERS) hashHeld();
    },
    digest: (): string => (hasher === undefined ? hash('sha256', held, 'hex') : hashHeld().digest('hex')),
  };
}
