import { createVocabulary, type Vocabulary } from '../../../shared/runtimes/constraints/vocabulary.ts';

/** Tokens of JSON as tokenizers have them, some across the borders of what a grammar tells apart. */
const PIECES = [
  '{"',
  '":',
  '": ',
  '","',
  '", "',
  '"}',
  '"]',
  '"},',
  '},{',
  '[{"',
  '[]',
  '{}',
  '[[',
  ']]',
  '}}',
  '00',
  '10',
  '123',
  '0.',
  '.5',
  '-1',
  'e+',
  'true',
  'fals',
  'null',
  'nu',
  'ab',
  'name',
  'na',
  'me',
  'city": "',
  '\\n',
  '\\u00',
  '  ',
  ', ',
  'é',
  'ü',
  '漢',
  '😀',
  ' the',
  'ing',
  '2024-',
  '-02-29',
];

/** A tokenizer with a token for every byte, one for each of `PIECES` and `more`, and special ones at the end. */
export function byteVocabulary(
  more: readonly string[] = [],
  marks: readonly string[] = [],
): Vocabulary & { end: number } {
  const encoder = new TextEncoder();
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  const tokens = [...bytes, ...[...PIECES, ...more].map((piece) => encoder.encode(piece))];
  const names = tokens.map(nameOf);
  const added = new Map(marks.map((text, at) => [names.length + at, { text, isSpecial: true }]));
  const end = names.length + marks.length;
  added.set(end, { text: '<end>', isSpecial: true });
  const all = [...names, ...marks, '<end>'];
  return { ...createVocabulary({ names: all, naming: 'byte-level', dropsFirstSpace: false, added }, marks), end };
}

/** GPT-2's names of bytes. */
function nameOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => BYTE_NAMES[byte] ?? '').join('');
}

const BYTE_NAMES: readonly string[] = (() => {
  const isPrintable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();
