import type { TokenLogprob } from '../../../protocol/messages.ts';

/** Reads how likely tokens are from the model's own scores, before anything was done to them. */
export type LogprobReader = {
  /** Looks at the scores of the next token; they may be changed afterwards. */
  look(scores: Float32Array): void;
  /** How likely a token was at the place last looked at. */
  of(id: number): TokenLogprob;
};

/** What a token is called and which bytes it stands for. */
export type TokenNames = (id: number) => { token: string; bytes: number[] };

/** What OpenAI says for "practically impossible", since JSON has no infinity. */
const LEAST_LOGPROB = -9_999;

/** `topCount` is how many of the likeliest tokens are told beside the one that was drawn. */
export function createLogprobReader(topCount: number, names: TokenNames): LogprobReader {
  let scores = new Float32Array(0);
  let logTotal = 0;
  const entry = (id: number) => ({ ...names(id), logprob: Math.max(LEAST_LOGPROB, (scores[id] ?? 0) - logTotal) });
  return {
    look(fresh) {
      if (scores.length !== fresh.length) scores = new Float32Array(fresh.length);
      scores.set(fresh);
      logTotal = logOfSum(scores);
    },
    of: (id) => ({ ...entry(id), top: highest(scores, topCount).map(entry) }),
  };
}

function logOfSum(scores: Float32Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > most) most = score;
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - most);
  return most + Math.log(sum);
}

/** The ids with the highest scores, highest first. */
function highest(scores: Float32Array, count: number): number[] {
  const best: number[] = [];
  if (count === 0) return best;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] ?? 0;
    if (best.length === count && score <= (scores[best.at(-1) ?? 0] ?? 0)) continue;
    let at = best.length;
    while (at > 0 && score > (scores[best[at - 1] ?? 0] ?? 0)) at--;
    best.splice(at, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}
