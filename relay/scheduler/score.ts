import type { Sort } from '../../shared/api/routing.ts';
import type { MeasuredSpeed } from '../../shared/protocol/capabilities.ts';
import type { Measure, ModelMeasures } from './measurements.ts';
import type { Work } from './wanted.ts';

/** What a score looks at, apart from where it comes from. */
export type NodeView = {
  readonly slots: number;
  readonly reserved: number;
  readonly roundTripMs: number | null;
  /** Whether the model is loaded. */
  readonly isWarm: boolean;
  readonly modelBytes: number;
  /** What the node claims in its document; believed only until the relay has measured something itself. */
  readonly claimed: MeasuredSpeed | undefined;
  readonly succeeded: number;
  readonly failed: number;
  readonly own: ModelMeasures | undefined;
  readonly pool: ModelMeasures | undefined;
  /** Whether an earlier job of the same conversation ran here a short while ago. */
  readonly hasAffinity: boolean;
};

export type JobView = { readonly work: Work; readonly sort: Sort | null };

export const TERMS = ['round_trip', 'load', 'prompt', 'decode', 'sharing', 'retry', 'affinity'] as const;
export type TermName = (typeof TERMS)[number];
export type Terms = Readonly<Record<TermName, number>>;

/** All in milliseconds. The least `totalMs` is the best node. */
export type Score = {
  readonly totalMs: number;
  /** Predicted from the choice of the node to the first token and to the end, for the attempt itself. */
  readonly firstTokenMs: number;
  readonly endMs: number;
  readonly terms: Terms;
};

/** How much each term counts. Unsorted, the score is the time to the end, with what may go wrong and what is saved. */
export const WEIGHTS: Readonly<Record<Sort | 'balanced', Terms>> = {
  balanced: { round_trip: 1, load: 1, prompt: 1, decode: 1, sharing: 1, retry: 1, affinity: 1 },
  latency: { round_trip: 1, load: 1, prompt: 1, decode: 0.05, sharing: 0.1, retry: 0.1, affinity: 0.1 },
  throughput: { round_trip: 0.1, load: 0.1, prompt: 0.1, decode: 1, sharing: 1, retry: 0.5, affinity: 0.1 },
  load: { round_trip: 0.01, load: 0.01, prompt: 0.01, decode: 0.01, sharing: 1, retry: 0.01, affinity: 0 },
};

/** Assumed where neither the node nor the pool has been measured: a modest machine in the same country. */
const PRIOR = {
  roundTripMs: 20,
  firstTokenMs: 300,
  inputTokens: 200,
  perTokenMs: 40,
  outputTokens: 200,
  /** A small model from a solid-state disk, and what the runtime needs besides. */
  loadBytesPerMs: 500_000,
  loadLeastMs: 1_000,
} as const;
/** Nine of ten: a stranger is trusted less than a node that has proven itself, and more than one that just failed. */
const PRIOR_SUCCESSES = 9;
const PRIOR_ATTEMPTS = 10;
/** Samples beyond this add no more certainty. */
const SAMPLES_MOST = 30;
/** A measurement is worth half after this: machines get other work, models get updated. */
const HALF_LIFE_MS = 3_600_000;
/** What finding its prompt still in memory is worth of a job, and up to which part of its slots a node is "not busy". */
const AFFINITY_SHARE = 0.5;
const AFFINITY_LOAD_MOST = 0.5;

/** Predicts how long a job would take on a node, from measurements, and puts a price on risk. Pure. */
export function score(node: NodeView, job: JobView, now: number): Score {
  const { own, pool } = node;
  const { inputTokens, maxOutputTokens, type } = job.work;
  const roundTrip = node.roundTripMs ?? PRIOR.roundTripMs;
  const coldMs = PRIOR.loadLeastMs + node.modelBytes / PRIOR.loadBytesPerMs;
  const load = node.isWarm ? 0 : estimate(own?.load, node.claimed?.load_ms ?? pool?.load?.value ?? coldMs, now);
  const prompt = promptMs(own, pool, inputTokens, now);
  const claimedPerToken = node.claimed?.tokens_per_s ? 1_000 / node.claimed.tokens_per_s : undefined;
  const perToken = estimate(own?.perToken, claimedPerToken ?? pool?.perToken?.value ?? PRIOR.perTokenMs, now);
  const usualOutput = pool?.outputTokens?.value ?? PRIOR.outputTokens;
  const decode = type === 'llm' ? perToken * Math.min(usualOutput, maxOutputTokens ?? Number.POSITIVE_INFINITY) : 0;
  const share = node.slots > 0 ? node.reserved / node.slots : 1;
  const run = prompt + decode;
  const success = (node.succeeded + PRIOR_SUCCESSES) / (node.succeeded + node.failed + PRIOR_ATTEMPTS);
  const terms: Terms = {
    round_trip: roundTrip,
    load,
    prompt,
    decode,
    // Jobs that run beside each other share the machine: a full node takes twice as long.
    sharing: run * share,
    // A failure costs what was waited for, and the job starts again elsewhere.
    retry: ((1 - success) / success) * (roundTrip + load + run),
    affinity: node.hasAffinity && share <= AFFINITY_LOAD_MOST ? -AFFINITY_SHARE * run : 0,
  };
  const firstTokenMs = roundTrip + load + prompt * (1 + share);
  return scoreFrom(terms, { firstTokenMs, endMs: roundTrip + load + run * (1 + share) }, job.sort ?? 'balanced');
}

/** The score of terms that are known. */
export function scoreFrom(
  terms: Terms,
  { firstTokenMs, endMs }: Pick<Score, 'firstTokenMs' | 'endMs'>,
  sort: keyof typeof WEIGHTS,
): Score {
  return { totalMs: weigh(terms, WEIGHTS[sort]), firstTokenMs, endMs, terms };
}

/** Half of the time to the first token is there for any prompt, half grows with its length. */
function promptMs(
  own: ModelMeasures | undefined,
  pool: ModelMeasures | undefined,
  tokens: number,
  now: number,
): number {
  const usualMs = estimate(own?.firstToken, pool?.firstToken?.value ?? PRIOR.firstTokenMs, now);
  const usualTokens = own?.inputTokens?.value ?? pool?.inputTokens?.value ?? PRIOR.inputTokens;
  return usualMs * (0.5 + (0.5 * tokens) / Math.max(1, usualTokens));
}

/** Between what was measured and what is assumed, the nearer to the former the more and the fresher the samples are. */
export function estimate(measure: Measure | undefined, prior: number, now: number): number {
  if (measure === undefined) return prior;
  const freshness = 0.5 ** (Math.max(0, now - measure.at) / HALF_LIFE_MS);
  const weight = Math.min(measure.samples, SAMPLES_MOST) * freshness;
  return (measure.value * weight + prior) / (weight + 1);
}

function weigh(terms: Terms, weights: Terms): number {
  let total = 0;
  for (const name of TERMS) total += terms[name] * weights[name];
  return total;
}
