import type { Decoder } from './decoder.ts';
import { dropCache, EMPTY_CACHE, isExclusive, joinCaches, type KvCache, type Padding } from './kv-cache.ts';

/** Of the distance between the highest and the lowest score: rounding is far below, another place or mask far above. */
const MOST_DIFFERENCE = 0.03;
/** Two made-up prompts of unequal length; every tokenizer has these tokens, and none of them says anything to anybody. */
const PROBES = [[5, 9, 3, 7], [6]];
/** What both go on with, side by side: the second shows whether the first was put where the graph looks for it. */
const STEPS = [
  [4, 9],
  [8, 3],
];

/** A probe that was read, and the scores after each of its steps where it is alone. */
type ReadProbe = { cache: KvCache; alone: readonly Float32Array[] };

/**
 * Where the shorter of two rows must be padded for a model to give the scores for them side by side that it gives for each
 * alone; `null` where it does not. Graphs differ in what they make of padding and do not tell, so that it is tried: eight or
 * ten passes of a few tokens. Attention as it was published wants it before the tokens, the one operator that ONNX Runtime
 * has for it (`GroupQueryAttention`, most exports of today) behind them.
 */
export async function findPadding(decoder: Decoder): Promise<Padding | null> {
  if (!decoder.isPlain || !decoder.takesMask) return null;
  const read: ReadProbe[] = [];
  for (const [row, tokens] of PROBES.entries()) {
    const { cache } = await decoder.forward({ tokens: [tokens], cache: EMPTY_CACHE, padding: [0] });
    if (isExclusive(cache)) {
      dropCache(cache);
      return null;
    }
    const alone: Float32Array[] = [];
    let longer = cache;
    for (const step of STEPS) {
      const result = await decoder.forward({ tokens: [[step[row] ?? 0]], cache: longer, padding: [0] });
      alone.push(result.scores(0).slice());
      longer = result.cache;
    }
    read.push({ cache, alone });
  }
  if (decoder.takesPlaces && (await areAlike(decoder, read, 'before'))) return 'before';
  return (await areAlike(decoder, read, 'behind')) ? 'behind' : null;
}

async function areAlike(decoder: Decoder, read: readonly ReadProbe[], padded: Padding): Promise<boolean> {
  const parts = read.map(({ cache }) => ({ cache, row: 0, from: 0, to: cache.columns }));
  let cache = joinCaches(decoder.session, parts, padded);
  const padding = parts.map(({ to }) => cache.columns - to);
  for (const [at, step] of STEPS.entries()) {
    const result = await decoder.forward({ tokens: step.map((token) => [token]), cache, padding, padded });
    if (!read.every(({ alone }, row) => isAlike(result.scores(row), alone[at] as Float32Array))) return false;
    cache = result.cache;
  }
  return true;
}

/** Whether two passes gave the same scores, but for rounding. */
export function isAlike(left: Float32Array, right: Float32Array): boolean {
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
