import type { ConstrainedAnswer } from '../../constraints/constraint.ts';
import type { TokenMask } from '../../constraints/token-masks.ts';
import type { TokenChooser } from './decode-request.ts';
import type { LogprobReader } from './logprobs.ts';
import type { Random } from './random.ts';
import { createSampler, likeliest, type SamplingPlan } from './sampling.ts';
import type { ScoreAdjuster } from './score-adjuster.ts';

export type ChoosingOptions = {
  plan: SamplingPlan;
  random: Random;
  adjuster: ScoreAdjuster | null;
  logprobs: LogprobReader | null;
  /** What the next token, which is then made, is held to. */
  answer: (() => ConstrainedAnswer | null) | null;
  endIds: ReadonlySet<number>;
};

export type Choosing = {
  choose: TokenChooser;
  /** Whether the budget kept the answer from going on as the model wanted. */
  isSqueezed(): boolean;
};

/** Below any score that a model gives and above minus infinity, which would leave nothing to choose from. */
const LOWEST_SCORE = -1e30;

/**
 * Chooses the tokens of one answer: the model's scores, what is wished of them, then what the constraint allows, then
 * the draw. `null` where the highest score wins anyway.
 *
 * A token is first drawn without regard to the budget and looked at alone. Only when it would cost more than is left,
 * all tokens are looked at, and it is drawn again among those that fit. Both draws together give each fitting token its
 * share: p + (1 - P)·p/P = p/P, where P is the share of all that fit.
 */
export function createChoosing(options: ChoosingOptions): Choosing | null {
  const { plan, adjuster, logprobs, answer, endIds } = options;
  if (plan === null && adjuster === null && logprobs === null && answer === null) return null;
  const draw = plan === null ? likeliest : createSampler(plan, options.random);
  let isSqueezed = false;

  function drawAllowed(scores: Float32Array, constrained: ConstrainedAnswer): number {
    const fits = (id: number): boolean => (endIds.has(id) ? constrained.canEnd() : constrained.allows(id));
    if (plan === null) {
      const best = likeliest(scores);
      if (fits(best)) return best;
    }
    leaveOnly(scores, constrained.mask(), constrained.canEnd(), endIds);
    const id = draw(scores);
    if (fits(id)) return id;
    isSqueezed = true;
    leaveOnly(scores, constrained.maskWithinBudget(), constrained.canEnd(), endIds);
    return draw(scores);
  }

  return {
    choose(scores) {
      logprobs?.look(scores);
      adjuster?.adjust(scores);
      const held = answer === null ? null : answer();
      const id = held === null ? draw(scores) : drawAllowed(scores, held);
      if (!endIds.has(id)) {
        adjuster?.made(id);
        held?.accept(id);
      }
      return id;
    },
    isSqueezed: () => isSqueezed,
  };
}

/** Goes by the words of the mask: of a large vocabulary most allow nothing, and looking at each token would cost more than the mask. */
function leaveOnly(scores: Float32Array, mask: TokenMask, canEnd: boolean, endIds: ReadonlySet<number>): void {
  const ends = [...endIds].map((id) => [id, canEnd ? (scores[id] ?? 0) : Number.NEGATIVE_INFINITY] as const);
  let refusedFrom = 0;
  for (let word = 0; word < mask.length; word++) {
    const bits = mask[word] ?? 0;
    if (bits === 0) continue;
    const first = word * 32;
    scores.fill(Number.NEGATIVE_INFINITY, refusedFrom, first);
    refusedFrom = Math.min(first + 32, scores.length);
    for (let id = first; id < refusedFrom; id++) {
      if (((bits >>> (id - first)) & 1) === 0) scores[id] = Number.NEGATIVE_INFINITY;
      else if (!((scores[id] ?? 0) > LOWEST_SCORE)) scores[id] = LOWEST_SCORE;
    }
  }
  scores.fill(Number.NEGATIVE_INFINITY, refusedFrom);
  for (const [id, score] of ends) scores[id] = canEnd && !(score > LOWEST_SCORE) ? LOWEST_SCORE : score;
}
