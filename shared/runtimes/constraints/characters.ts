import { type ByteSet, byteSet, type Term, type Terms } from './terms.ts';

/** Code points as sorted ranges that do not touch, both ends included. */
export type CodePoints = readonly (readonly [from: number, to: number])[];

const LAST_CODE_POINT = 0x10ffff;
/** Every code point that text can hold; surrogates are not characters. */
export const ALL_CHARACTERS: CodePoints = [
  [0, 0xd7ff],
  [0xe000, LAST_CODE_POINT],
];

/** Sorts, joins, and leaves surrogates out. */
export function normalized(ranges: readonly (readonly [number, number])[]): CodePoints {
  const joined: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((left, right) => left[0] - right[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined.flatMap(([from, to]) =>
    ALL_CHARACTERS.map(([first, last]) => [Math.max(from, first), Math.min(to, last)] as const).filter(
      ([first, last]) => first <= last,
    ),
  );
}

export function without(ranges: CodePoints, removed: CodePoints): CodePoints {
  return removed.reduce<CodePoints>(
    (left, [from, to]) =>
      left.flatMap(([first, last]): CodePoints => {
        if (to < first || from > last) return [[first, last]];
        const rest: [number, number][] = [];
        if (first < from) rest.push([first, from - 1]);
        if (last > to) rest.push([to + 1, last]);
        return rest;
      }),
    ranges,
  );
}

export function within(ranges: CodePoints, wanted: CodePoints): CodePoints {
  return without(ranges, without([[0, LAST_CODE_POINT]], wanted));
}

/** One character out of `ranges`, as UTF-8. */
export function utf8Of(terms: Terms, ranges: CodePoints): Term {
  const [first] = ranges;
  if (ranges.length === 1 && first?.[0] === first?.[1])
    return terms.literal(binary(String.fromCodePoint(first?.[0] ?? 0)));
  const ascii = new Uint8Array(256);
  const longer: Term[] = [];
  for (const sequence of ranges.flatMap(([from, to]) => byteRanges(from, to))) {
    const [first, ...rest] = sequence;
    if (first === undefined) continue;
    if (rest.length === 0) ascii.fill(1, first[0], first[1] + 1);
    else longer.push(terms.sequence(...sequence.map((range) => terms.byte(byteSet(range)))));
  }
  return terms.choice([terms.byte(ascii), ...longer]);
}

type ByteRange = readonly [from: number, to: number];

/** Splits a range of code points into ranges whose UTF-8 varies independently in each byte. */
function byteRanges(from: number, to: number): ByteRange[][] {
  for (const border of [0x7f, 0x7ff, 0xffff]) {
    if (from <= border && to > border) return [...byteRanges(from, border), ...byteRanges(border + 1, to)];
  }
  if (to <= 0x7f) return [[[from, to]]];
  for (const bits of [6, 12, 18]) {
    const low = (1 << bits) - 1;
    if ((from & ~low) === (to & ~low)) continue;
    if ((from & low) !== 0) return [...byteRanges(from, from | low), ...byteRanges((from | low) + 1, to)];
    if ((to & low) !== low) return [...byteRanges(from, (to & ~low) - 1), ...byteRanges(to & ~low, to)];
  }
  const last = utf8Bytes(to);
  return [utf8Bytes(from).map((byte, at) => [byte, last[at] ?? byte] as const)];
}

const encoder = new TextEncoder();

function utf8Bytes(codePoint: number): number[] {
  return [...encoder.encode(String.fromCodePoint(codePoint))];
}

/** Text as characters that each stand for one byte of its UTF-8. */
export function binary(text: string): string {
  let result = '';
  for (const byte of encoder.encode(text)) result += String.fromCharCode(byte);
  return result;
}

/** The bytes that are no part of any UTF-8 text; they stand for marks that text cannot imitate. */
export const FIRST_BYTE_BEYOND_TEXT = 0xf8;
export const TEXT_BYTES: ByteSet = byteSet([0, FIRST_BYTE_BEYOND_TEXT - 1]);
