import { Problem } from '../../problems/problem.ts';
import { binary, FIRST_BYTE_BEYOND_TEXT } from './characters.ts';
import type { Alphabet } from './terms.ts';
import { createTokenTrie, type TokenTrie } from './token-trie.ts';

/** What a tokenizer says of its tokens. */
export type VocabularySource = {
  /** Names of tokens as the tokenizer's files have them, by id. */
  readonly names: readonly (string | undefined)[];
  /** `byte-level` names bytes by GPT-2's table; `byte-fallback` writes text, `▁` for a space and `<0x0A>` for a byte. */
  readonly naming: 'byte-level' | 'byte-fallback' | 'unknown';
  /** Whether the tokenizer leaves out the space that its first token begins with. */
  readonly dropsFirstSpace: boolean;
  /** Tokens that were added to the vocabulary under their own text; special ones are no part of any text. */
  readonly added: ReadonlyMap<number, { readonly text: string; readonly isSpecial: boolean }>;
};

/** The texts of all tokens. */
export type Vocabulary = {
  readonly size: number;
  readonly dropsFirstSpace: boolean;
  /** The bytes of a token; `null` for one that is no text. */
  bytesOf(id: number): Uint8Array | null;
  /**
   * How grammars write a mark, in characters that each stand for one byte. Where a token was added for it, it is that
   * token alone, and no other text can imitate it.
   */
  mark(text: string): string;
  /** Whether a token was added for this mark. */
  hasMark(text: string): boolean;
  /** The text of a mark that is this token; `null` for all others. */
  markOf(id: number): string | null;
  /** The tokens that answers can be made of; throws `unsupported_parameter` when they cannot spell JSON. */
  trie(): TokenTrie;
  alphabet(): Alphabet;
};

/** Longer tokens are runs of spaces and dashes; without them every step has less to look at. */
export const LONGEST_TOKEN_BYTES = 32;
const MARK_BYTE = 0xff;

const encoder = new TextEncoder();

/** `marks` are the texts by which formats of tool calls begin. */
export function createVocabulary(source: VocabularySource, marks: readonly string[]): Vocabulary {
  const bytes = source.names.map((name, id) => bytesOfToken(source, name, id));
  const markIds = new Map<string, number>();
  for (const [id, { text }] of source.added) if (marks.includes(text)) markIds.set(text, id);
  const marksById = new Map([...markIds].map(([text, id]) => [id, text]));
  const markBytes = (text: string): number[] => [MARK_BYTE, marks.indexOf(text)];
  let trie: TokenTrie | null = null;

  function getTrie(): TokenTrie {
    if (trie === null) {
      const usable = bytes.map((token) => (token !== null && isUsable(token) ? token : null));
      for (const [text, id] of markIds) usable[id] = Uint8Array.from(markBytes(text));
      trie = createTokenTrie(usable);
      if (!canSpellJson(trie)) throw unsuitable();
    }
    return trie;
  }

  return {
    size: source.names.length,
    dropsFirstSpace: source.dropsFirstSpace,
    bytesOf: (id) => bytes[id] ?? null,
    mark: (text) => (markIds.has(text) ? String.fromCharCode(...markBytes(text)) : binary(text)),
    hasMark: (text) => markIds.has(text),
    markOf: (id) => marksById.get(id) ?? null,
    trie: getTrie,
    alphabet: () => alphabetOf(getTrie()),
  };
}

function isUsable(token: Uint8Array): boolean {
  return (
    token.length > 0 && token.length <= LONGEST_TOKEN_BYTES && token.every((byte) => byte < FIRST_BYTE_BEYOND_TEXT)
  );
}

function bytesOfToken(source: VocabularySource, name: string | undefined, id: number): Uint8Array | null {
  const added = source.added.get(id);
  if (added !== undefined) return added.isSpecial ? null : encoder.encode(added.text);
  if (name === undefined) return null;
  if (source.naming === 'byte-level') return bytesOfName(name);
  if (source.naming === 'unknown') return null;
  const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(name)?.[1];
  return byte === undefined ? encoder.encode(name.replaceAll('▁', ' ')) : Uint8Array.of(Number.parseInt(byte, 16));
}

/** GPT-2's names: printable bytes stand for themselves, the others for characters from U+0100 on. */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const isPrintable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => [String.fromCharCode(isPrintable(byte) ? byte : next++), byte]),
  );
})();

function bytesOfName(name: string): Uint8Array | null {
  const bytes = [...name].map((character) => BYTE_OF_CHARACTER.get(character));
  return bytes.includes(undefined) ? null : Uint8Array.from(bytes as number[]);
}

function canSpellJson(trie: TokenTrie): boolean {
  for (let byte = 0x20; byte <= 0x7e; byte++) if (trie.tokensOf(String.fromCharCode(byte)).length === 0) return false;
  return true;
}

function alphabetOf(trie: TokenTrie): Alphabet {
  const single = Array.from({ length: 256 }, (_, byte) => trie.tokensOf(String.fromCharCode(byte)).length > 0);
  return {
    hasByte: (byte) => single[byte] ?? false,
    spellingCosts(text) {
      const costs = new Float64Array(text.length + 1).fill(Number.POSITIVE_INFINITY);
      costs[text.length] = 0;
      for (let at = text.length - 1; at >= 0; at--) {
        for (const length of trie.prefixLengths(text, at)) {
          costs[at] = Math.min(costs[at] ?? 0, 1 + (costs[at + length] ?? 0));
        }
      }
      return costs;
    },
  };
}

function unsuitable(): Problem {
  return new Problem(
    'unsupported_parameter',
    "This model's tokenizer has no token for some letters, so its answers cannot be held to a format. Choose another model.",
    { param: 'response_format' },
  );
}
