import { type DecodeRow, takeToken } from './decode-request.ts';
import type { Decoder, DecoderResult } from './decoder.ts';
import { joinCaches, type KvCache, type KvPart, type Padding, partCache } from './kv-cache.ts';

/** Rows that are decoded together. `cache` holds all of their tokens but the last of each. */
export type DecodeGroup = {
  rows: DecodeRow[];
  cache: KvCache;
  /** Whether nobody else has the cache: not the rows of the same prompt, and not the store of what is kept. */
  isCacheOwn: boolean;
  /** Of rows that are shorter than the longest; means nothing while there is one row. */
  padded: Padding;
  readonly mayGrow: boolean;
};

/** More rows gain little where one core computes, and make everybody's token take longer. */
const MOST_ROWS = 16;
/** Padding is computed and stored like tokens: so much of it is accepted, times what is not padding. */
const MOST_PADDED = 2;
/** Below this it costs nothing that could be noticed. */
const FEW_TOKENS = 2_048;

/** Columns in which a row has no token. */
function paddingOf({ ids }: DecodeRow, { columns }: KvCache): number {
  return columns - (ids.length - 1);
}

/** What one row of a group has in the cache. */
function partOf(group: DecodeGroup, row: number): KvPart {
  const { rows, cache, padded } = group;
  const empty = paddingOf(rows[row] as DecodeRow, cache);
  return padded === 'before'
    ? { cache, row, from: empty, to: cache.columns }
    : { cache, row, from: 0, to: cache.columns - empty };
}

/** The tokens, padding included, that the group's cache may come to hold. */
export function mostTokensOf(rows: readonly DecodeRow[]): number {
  return rows.length * rows.reduce((most, { mostTokens }) => Math.max(most, mostTokens), 0);
}

/** Whether a row fits into a group without being mostly padding, or making others so. */
export function hasRoomFor({ rows }: DecodeGroup, row: DecodeRow): boolean {
  const lengths = [...rows, row].map(({ ids }) => ids.length);
  const padded = lengths.length * Math.max(...lengths);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  return lengths.length <= MOST_ROWS && padded <= Math.max(FEW_TOKENS, MOST_PADDED * tokens);
}

/** A row on its own, with what it has read. */
export function groupOf(row: DecodeRow, cache: KvCache, mayGrow: boolean): DecodeGroup {
  return { rows: [row], cache, isCacheOwn: false, padded: 'before', mayGrow };
}

/** Adds a row with what it has read; from the second on the rows are padded as the graph wants it. */
export function joinGroup(
  decoder: Decoder,
  group: DecodeGroup,
  row: DecodeRow,
  { cache, padded }: Pick<DecodeGroup, 'cache' | 'padded'>,
): void {
  const parts = group.rows.map((_, index) => partOf(group, index));
  const own = { cache, row: 0, from: 0, to: cache.columns };
  group.cache = joinCaches(decoder.session, [...parts, own], padded);
  group.isCacheOwn = true;
  group.padded = padded;
  group.rows.push(row);
}

/** One pass over the last tokens of all rows. Rejects with the library's error; nothing has changed then. */
export function passOf(decoder: Decoder, { rows, cache, isCacheOwn, padded }: DecodeGroup): Promise<DecoderResult> {
  const tokens = rows.map(({ ids }) => [ids.at(-1) ?? 0]);
  const places = rows.map(({ request }) => request.placeOf);
  const padding = rows.map((row) => paddingOf(row, cache));
  return decoder.forward({ tokens, cache, usesUp: isCacheOwn, padding, padded, places });
}

/** A token for every row; `onEnd` sees each that ended with it and what it has in the cache. The others close up. */
export function takeTokens(
  decoder: Decoder,
  group: DecodeGroup,
  result: DecoderResult,
  onEnd: (row: DecodeRow, part: KvPart) => void,
): void {
  const { rows } = group;
  group.cache = result.cache;
  group.isCacheOwn = true;
  const goesOn = rows.map((row, index) => takeToken(row, result.scores(index)));
  if (goesOn.every((goes) => goes)) return;
  const parts = rows.map((_, index) => partOf(group, index));
  const cache = joinCaches(
    decoder.session,
    parts.filter((_, index) => goesOn[index]),
    group.padded,
  );
  group.rows = rows.filter((_, index) => goesOn[index]);
  group.cache = cache;
  for (const [index, row] of rows.entries()) if (!goesOn[index]) onEnd(row, parts[index] as KvPart);
}

/** The rows of a group, each on its own. */
export function splitGroup(decoder: Decoder, group: DecodeGroup): DecodeGroup[] {
  return group.rows.map((row, index) => groupOf(row, partCache(decoder.session, partOf(group, index)), false));
}
