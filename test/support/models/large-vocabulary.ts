import { createVocabulary, type Vocabulary } from '../../../shared/runtimes/constraints/vocabulary.ts';

const CONSONANTS = [
  'b',
  'c',
  'd',
  'f',
  'g',
  'h',
  'k',
  'l',
  'm',
  'n',
  'p',
  'r',
  's',
  't',
  'v',
  'w',
  'z',
  'st',
  'tr',
  'ch',
];
const VOWELS = ['a', 'e', 'i', 'o', 'u', 'ea', 'ou'];
const ENDINGS = ['', 's', 'n', 'r', 'ed', 'ing', 'er', 'ly'];
const MARKS = [...'{}[]":,.;()<>/\\\'`=+-*&|!?#$%^~_@'];
const encoder = new TextEncoder();

/**
 * A made-up vocabulary of the size and the make-up of large models': every byte, numbers of up to three digits, runs of spaces
 * and marks, pieces of code, words with and without a space before them and in capitals, and characters of several bytes.
 */
export function largeVocabulary(size: number): Vocabulary {
  const seen = new Set<string>();
  const names: string[] = [];
  for (const bytes of tokens()) {
    const name = nameOf(bytes);
    if (names.length === size) break;
    if (!seen.has(name)) names.push(name);
    seen.add(name);
  }
  if (names.length < size) throw new Error(`There are only ${names.length} made-up tokens.`);
  return createVocabulary({ names, naming: 'byte-level', dropsFirstSpace: false, added: new Map() }, []);
}

function* tokens(): Generator<Uint8Array> {
  for (let byte = 0; byte < 256; byte++) yield Uint8Array.of(byte);
  for (const text of texts()) yield encoder.encode(text);
}

function* texts(): Generator<string> {
  for (let number = 0; number < 1_000; number++) {
    yield String(number);
    yield String(number).padStart(3, '0');
  }
  for (let length = 2; length <= 32; length++)
    for (const one of [' ', '\n', '\t', '-', '=', '#']) yield one.repeat(length);
  for (const first of MARKS) {
    for (const second of MARKS) {
      yield first + second;
      yield ` ${first}${second}`;
      for (const third of MARKS.slice(0, 9)) yield first + second + third;
    }
  }
  for (let character = 0x4e00; character < 0x7e00; character++) yield String.fromCodePoint(character);
  for (let character = 0xa1; character < 0x600; character++) yield String.fromCodePoint(character);
  for (const syllables of [1, 2, 3]) {
    for (const word of words(syllables)) {
      yield word;
      yield ` ${word}`;
      yield word.charAt(0).toUpperCase() + word.slice(1);
      yield ` ${word.charAt(0).toUpperCase()}${word.slice(1)}`;
    }
  }
}

function* words(syllables: number): Generator<string> {
  if (syllables === 0) {
    yield* ENDINGS;
    return;
  }
  for (const rest of words(syllables - 1))
    for (const consonant of CONSONANTS) for (const vowel of VOWELS) yield consonant + vowel + rest;
}

/** GPT-2's names of bytes. */
const NAME_OF_BYTE: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(isPrintable ? byte : next++);
  });
})();

function nameOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => NAME_OF_BYTE[byte] ?? '').join('');
}
