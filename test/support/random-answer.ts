import assert from 'node:assert/strict';
import type { Constraint } from '../../shared/runtimes/constraints/constraint.ts';
import { hasBit } from '../../shared/runtimes/constraints/token-masks.ts';
import type { Vocabulary } from '../../shared/runtimes/constraints/vocabulary.ts';

export type RandomAnswer = { text: string; tokens: number[]; masksLooked: number };

/**
 * Answers as a model with random scores would: any token that may come next, as likely as any other, and the end where
 * it is allowed. Checks on the way that the mask and the answer for a single token never differ.
 */
export function randomAnswer(
  constraint: Constraint,
  vocabulary: Vocabulary,
  budget: number,
  random: () => number,
): RandomAnswer {
  const answer = constraint.begin(budget);
  const bytes: number[] = [];
  const tokens: number[] = [];
  let masksLooked = 0;
  while (tokens.length < budget && !answer.isComplete()) {
    if (answer.canEnd() && random() < 0.3) break;
    const mask = answer.mask();
    const allowed: number[] = [];
    for (let id = 0; id < vocabulary.size; id++) {
      if (!hasBit(mask, id)) assert.ok(!answer.allows(id), `token ${id} is allowed but masked`);
      else if (answer.allows(id)) allowed.push(id);
    }
    const within = answer.maskWithinBudget();
    for (const id of allowed) assert.ok(hasBit(within, id), `token ${id} is missing from the mask within the budget`);
    masksLooked++;
    const id = allowed[Math.floor(random() * allowed.length)];
    if (id === undefined) {
      assert.ok(answer.canEnd(), `nothing may follow ${JSON.stringify(decode(bytes))}`);
      break;
    }
    answer.accept(id);
    tokens.push(id);
    bytes.push(...(vocabulary.bytesOf(id) ?? []));
  }
  assert.ok(answer.canEnd(), `the budget of ${budget} ends within ${JSON.stringify(decode(bytes))}`);
  return { text: decode(bytes), tokens, masksLooked };
}

function decode(bytes: number[]): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
}
