import type { Decoder } from './decoder.ts';
import { dropCache, EMPTY_CACHE, isExclusive, joinCaches, type KvCache } from './kv-cache.ts';

/** Of the distance between the highest and the lowest score: rounding is far below, another place or mask far above. */
const MOST_DIFFERENCE = 0.03;
/** Two made-up prompts of unequal length; every tokenizer has these tokens, and none of them says anything to anybody. */
const PROBES = [
  [5, 9, 3, 7, 4, 8],
  [6, 4, 9],
];

/**
 * Whether a model gives the scores for rows side by side, the shorter one padded, that it gives for each alone. Graphs
 * differ in what they make of padding and do not tell, so that it is tried: five passes of a few tokens.
 */
export async function canShareSteps(decoder: Decoder): Promise<boolean> {
  if (!decoder.isPlain || !decoder.takesPlaces) return false;
  const read: { cache: KvCache; last: number }[] = [];
  for (const tokens of PROBES) {
    const { cache } = await decoder.forward({ tokens: [tokens.slice(0, -1)], cache: EMPTY_CACHE, padding: [0] });
    read.push({ cache, last: tokens.at(-1) ?? 0 });
  }
  if (read.some(({ cache }) => isExclusive(cache))) {
    for (const { cache } of read) dropCache(cache);
    return false;
  }
  const joined = joinCaches(
    decoder.session,
    read.map(({ cache }) => ({ cache, row: 0, from: 0, to: cache.columns })),
  );
  const padding = read.map(({ cache }) => joined.columns - cache.columns);
  const together = await decoder.forward({ tokens: read.map(({ last }) => [last]), cache: joined, padding });
  for (const [row, { cache, last }] of read.entries()) {
    const alone = await decoder.forward({ tokens: [[last]], cache, padding: [0] });
    if (!isAlike(together.scores(row), alone.scores(0))) return false;
  }
  return true;
}

function isAlike(left: Float32Array, right: Float32Array): boolean {
  let difference = 0;
  let highest = Number.NEGATIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (let at = 0; at < right.length; at++) {
    const score = right[at] ?? 0;
    difference = Math.max(difference, Math.abs((left[at] ?? 0) - score));
    highest = Math.max(highest, score);
    lowest = Math.min(lowest, score);
  }
  return difference <= MOST_DIFFERENCE * (highest - lowest);
}
