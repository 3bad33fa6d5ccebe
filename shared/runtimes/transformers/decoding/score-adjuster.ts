import { Problem } from '../../../problems/problem.ts';
import type { ChatInput } from '../../../protocol/messages.ts';
import type { JsonObject } from '../model-files.ts';

/** What the caller, and the model's own files, want changed in the scores before a token is drawn. */
export type ScoreAdjuster = {
  adjust(scores: Float32Array): void;
  /** Tells of a token that was drawn. */
  made(id: number): void;
};

export type ScoreWishes = Pick<ChatInput, 'frequencyPenalty' | 'presencePenalty' | 'repetitionPenalty' | 'logitBias'>;

/**
 * `null` when the scores stay as they are. As with OpenAI, the frequency and the presence penalty count the answer alone
 * and are subtracted; the repetition penalty counts the prompt as well and divides, as in the models' own files.
 * Throws `invalid_value` for a bias on a token that the model does not have.
 */
export function createScoreAdjuster(
  wishes: ScoreWishes,
  defaults: JsonObject,
  promptIds: readonly number[],
  vocabularySize: number,
): ScoreAdjuster | null {
  const frequency = wishes.frequencyPenalty ?? 0;
  const presence = wishes.presencePenalty ?? 0;
  const own = defaults.repetition_penalty;
  const repetition = wishes.repetitionPenalty ?? (typeof own === 'number' && own > 0 ? own : 1);
  const biases = Object.entries(wishes.logitBias ?? {}).map(([id, bias]) => [Number(id), bias] as const);
  for (const [id] of biases) if (id >= vocabularySize) throw unknownToken(id, vocabularySize);
  if (frequency === 0 && presence === 0 && repetition === 1 && biases.length === 0) return null;

  const counts = new Map<number, number>();
  const seen = new Set(repetition === 1 ? [] : promptIds);
  return {
    adjust(scores) {
      for (const id of seen) scores[id] = discouraged(scores[id] ?? 0, repetition);
      for (const [id, count] of counts) scores[id] = (scores[id] ?? 0) - frequency * count - presence;
      for (const [id, bias] of biases) scores[id] = (scores[id] ?? 0) + bias;
    },
    made(id) {
      counts.set(id, (counts.get(id) ?? 0) + 1);
      if (repetition !== 1) seen.add(id);
    },
  };
}

function discouraged(score: number, penalty: number): number {
  return score > 0 ? score / penalty : score * penalty;
}

function unknownToken(id: number, size: number): Problem {
  return new Problem('invalid_value', `The model has ${size} tokens, and none with the id ${id}.`, {
    param: 'logit_bias',
  });
}
