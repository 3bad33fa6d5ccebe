import type { ChatInput } from '../../../protocol/messages.ts';
import type { JsonObject } from '../model-files.ts';
import type { TokenChooser } from './decode-request.ts';
import type { Random } from './random.ts';

/** How tokens are drawn; `null` stands for greedy decoding. `topK` 0 means all tokens, as do `topP` 1 and `minP` 0. */
export type SamplingPlan = { temperature: number; topP: number; topK: number; minP: number } | null;

export type SamplingWishes = Pick<ChatInput, 'temperature' | 'topP' | 'topK' | 'minP'>;

/**
 * What the caller asked for, else what the model's `generation_config.json` says. A caller that gives a temperature
 * samples from the whole distribution as with OpenAI, unless the model's own top_k or top_p apply by default.
 */
export function planSampling(input: SamplingWishes, defaults: JsonObject): SamplingPlan {
  const samplesByDefault = defaults.do_sample === true;
  const temperature = input.temperature ?? (samplesByDefault ? numberOr(defaults.temperature, 1) : 0);
  if (temperature <= 0) return null;
  const topP = input.topP ?? (samplesByDefault ? numberOr(defaults.top_p, 1) : 1);
  const topK = input.topK ?? (samplesByDefault ? numberOr(defaults.top_k, 0) : 0);
  const minP = input.minP ?? (samplesByDefault ? numberOr(defaults.min_p, 0) : 0);
  return topP <= 0 || topK === 1 || minP >= 1 ? null : { temperature, topP, topK, minP };
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}

/** The token with the highest score. */
export function likeliest(scores: Float32Array): number {
  let best = 0;
  let highest = scores[0] ?? 0;
  for (let id = 1; id < scores.length; id++) {
    const score = scores[id] ?? 0;
    if (score > highest) {
      best = id;
      highest = score;
    }
  }
  return best;
}

/** Draws each token with its own probability under the plan; overwrites nothing but its own scratch space. */
export function createSampler(plan: NonNullable<SamplingPlan>, random: Random): TokenChooser {
  let weights = new Float64Array(0);
  return (logits) => {
    if (weights.length !== logits.length) weights = new Float64Array(logits.length);
    const total = fillWeights(weights, logits, plan.temperature);
    if (plan.topP >= 1 && plan.topK === 0 && plan.minP === 0) return drawFromAll(weights, total * random());
    const nucleus = keepNucleus(weights, total, plan);
    return drawFromSome(weights, nucleus.ids, nucleus.mass * random());
  };
}

/** Softmax without its division: exp((logit - max) / temperature); returns the sum. */
function fillWeights(weights: Float64Array, logits: Float32Array, temperature: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > highest) highest = logit;
  let total = 0;
  for (let id = 0; id < weights.length; id++) {
    const weight = Math.exp(((logits[id] ?? 0) - highest) / temperature);
    weights[id] = weight;
    total += weight;
  }
  return total;
}

function drawFromAll(weights: Float64Array, target: number): number {
  let left = target;
  let last = 0;
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] ?? 0;
    if (weight === 0) continue;
    last = id;
    left -= weight;
    if (left < 0) return id;
  }
  return last;
}

function drawFromSome(weights: Float64Array, ids: readonly number[], target: number): number {
  let left = target;
  for (const id of ids) {
    left -= weights[id] ?? 0;
    if (left < 0) return id;
  }
  return ids.at(-1) ?? 0;
}

/**
 * The smallest set of likeliest tokens that holds `topP` of the mass, at most `topK` of them, and none of them less than
 * `minP` times as likely as the likeliest, whose weight is 1. Tokens below
 * `(1 - topP) * total / count` cannot be in it, since all of them together weigh less than the rest that is cut off;
 * without them a vocabulary of 150,000 leaves a few hundred to sort.
 */
function keepNucleus(weights: Float64Array, total: number, plan: NonNullable<SamplingPlan>) {
  const floor = Math.max(plan.minP, ((1 - plan.topP) * total) / weights.length);
  const candidates: number[] = [];
  for (let id = 0; id < weights.length; id++) if ((weights[id] ?? 0) >= floor) candidates.push(id);
  candidates.sort((left, right) => (weights[right] ?? 0) - (weights[left] ?? 0) || left - right);
  const ids: number[] = [];
  const limit = plan.topK === 0 ? candidates.length : Math.min(plan.topK, candidates.length);
  let mass = 0;
  for (const id of candidates) {
    if (ids.length >= limit || (ids.length > 0 && mass >= plan.topP * total)) break;
    ids.push(id);
    mass += weights[id] ?? 0;
  }
  return { ids, mass };
}
