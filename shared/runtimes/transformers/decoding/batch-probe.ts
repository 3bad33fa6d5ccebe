import type { Decoder } from './decoder.ts';
import { dropCache, EMPTY_CACHE, isExclusive, joinCaches, type KvCache, type Padding } from './kv-cache.ts';

/** Tokens of two made-up prompts, which say nothing to anybody; the second is to be padded where both are side by side. */
const LENGTHS = [16, 5];
/** Tokens that both go on with, side by side: the second shows whether the first was put where the graph looks for it. */
const STEPS = 2;
/** What rounding makes of scores, as a share of how much they vary; another place or mask is some hundred times as much. */
const ROUNDING = 0.002;
/**
 * Where all rows of a pass are scaled by one number, so much may become of it. SmolLM2 in q8 has 0.02, and reads texts side by side
 * about as well as one piece of a text (RESULTS.md).
 */
const MOST_NOISE = 0.1;
/** What padding may make of it. */
const MOST_GROWTH = 5;

/** A probe that was read, and the scores after each of its steps where it is alone. */
type ReadProbe = { cache: KvCache; steps: readonly number[]; alone: readonly Float32Array[] };

/**
 * Where the shorter of two rows must be padded for a model to give the scores for them side by side that it gives for each
 * alone; `null` where it does not. Graphs differ in what they make of padding and do not tell, so that it is tried: ten or
 * twelve passes of a few tokens. Attention as it was published wants it before the tokens, the one operator that ONNX Runtime
 * has for it (`GroupQueryAttention`, most exports of today) behind them. Where rows change one another's numbers, what becomes
 * of the longer row, which has no padding, is the measure for the shorter one.
 */
export async function findPadding(decoder: Decoder, areRowsIndependent: boolean): Promise<Padding | null> {
  if (!decoder.isPlain || !decoder.takesMask) return null;
  const read: ReadProbe[] = [];
  for (const length of LENGTHS) {
    const probe = await readProbe(decoder, length, read.length);
    if (probe === null) return null;
    read.push(probe);
  }
  const mostNoise = areRowsIndependent ? ROUNDING : MOST_NOISE;
  const sides: readonly Padding[] = decoder.takesPlaces ? ['before', 'behind'] : ['behind'];
  for (const padded of sides) {
    const [noise = 0, changed = 0] = await changesOf(decoder, read, padded);
    if (noise <= mostNoise && changed <= Math.max(ROUNDING, MOST_GROWTH * noise)) return padded;
  }
  return null;
}

/** Its first token goes alone, as that of a prompt does where a pass is scaled by one number. `null` where a cache has one user. */
async function readProbe(decoder: Decoder, length: number, row: number): Promise<ReadProbe | null> {
  const first = await decoder.forward({ tokens: [[1]], cache: EMPTY_CACHE, padding: [0] });
  if (isExclusive(first.cache)) {
    dropCache(first.cache);
    return null;
  }
  const tokens = ordinaryTokens(first.scores(0).length, row);
  const text = tokens.slice(0, length);
  const { cache } = await decoder.forward({ tokens: [text], cache: first.cache, padding: [0] });
  const steps = tokens.slice(length, length + STEPS);
  const alone: Float32Array[] = [];
  let longer = cache;
  for (const token of steps) {
    const result = await decoder.forward({ tokens: [[token]], cache: longer, padding: [0] });
    alone.push(result.scores(0).slice());
    longer = result.cache;
  }
  return { cache, steps, alone };
}

/**
 * Spread over the part of a vocabulary where the tokens of everyday words stand: the first ones are marks of the chat template in many
 * models and have unlike activations, the last ones were hardly ever seen.
 */
function ordinaryTokens(vocabulary: number, row: number): number[] {
  const [from, width, goldenRatio] = [0.02, 0.18, 0.618];
  return Array.from({ length: Math.max(...LENGTHS) + STEPS }, (_, at) => {
    const share = ((row * Math.max(...LENGTHS) + at) * goldenRatio) % 1;
    return Math.floor(vocabulary * (from + width * share));
  });
}

/** How far the scores of each row are from what they are alone where they are read side by side. */
async function changesOf(decoder: Decoder, read: readonly ReadProbe[], padded: Padding): Promise<number[]> {
  const parts = read.map(({ cache }) => ({ cache, row: 0, from: 0, to: cache.columns }));
  let cache = joinCaches(decoder.session, parts, padded);
  const padding = parts.map(({ to }) => cache.columns - to);
  const changes = read.map(() => 0);
  for (let at = 0; at < STEPS; at++) {
    const tokens = read.map(({ steps }) => [steps[at] ?? 0]);
    const result = await decoder.forward({ tokens, cache, padding, padded });
    for (const [row, { alone }] of read.entries()) {
      changes[row] = Math.max(changes[row] ?? 0, changeOf(result.scores(row), alone[at] as Float32Array));
    }
    cache = result.cache;
  }
  return changes;
}

/** Scores so far below the highest are those of tokens that never come, which some models mark with -Infinity. */
const FAR_BELOW = 50;

/** The square of what changed, as a share of the square of how much the scores vary. */
function changeOf(scores: Float32Array, alone: Float32Array): number {
  const highest = alone.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const possible = [...alone.keys()].filter((id) => (alone[id] ?? 0) >= highest - FAR_BELOW);
  const meanOf = (measure: (id: number) => number): number =>
    possible.reduce((sum, id) => sum + measure(id), 0) / possible.length;
  const mean = meanOf((id) => alone[id] ?? 0);
  const changed = meanOf((id) => ((scores[id] ?? 0) - (alone[id] ?? 0)) ** 2);
  return changed === 0 ? 0 : changed / meanOf((id) => ((alone[id] ?? 0) - mean) ** 2);
}
