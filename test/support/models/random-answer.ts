import assert from 'node:assert/strict';
import type { Constraint } from '../../../shared/runtimes/constraints/constraint.ts';
import { hasBit } from '../../../shared/runtimes/constraints/token-masks.ts';
import type { Vocabulary } from '../../../shared/runtimes/constraints/vocabulary.ts';

export type RandomAnswer = { text: string; tokens: number[] };

/**
 * Answers as a model with random scores would: any token that may come next, as likely as any other, and the end where
 * it is allowed. `isText` when what comes out must be whole characters. Checks on the way that the mask and the answer for a single token never differ.
 */
export function randomAnswer(
  constraint: Constraint,
  vocabulary: Vocabulary,
  budget: number,
  random: () => number,
  isText = true,
): RandomAnswer {
  const answer = constraint.begin(budget);
  const bytes: number[] = [];
  const tokens: number[] = [];
  while (tokens.length < budget && !answer.isComplete()) {
    if (answer.canEnd() && random() < 0.3) break;
    const mask = answer.mask();
    const allowed: number[] = [];
    for (let id = 0; id < vocabulary.size; id++) {
      if (!hasBit(mask, id)) assert.ok(!answer.allows(id), `token ${id} is allowed but masked`);
      else if (answer.allows(id)) allowed.push(id);
    }
    const within = answer.maskWithinBudget();
    const fitting = allowed.length;
    for (const id of allowed) assert.ok(hasBit(within, id), `token ${id} is missing from the mask within the budget`);
    assert.equal(countOf(within), fitting, 'the mask within the budget holds a token that is not allowed');
    const id = allowed[Math.floor(random() * allowed.length)];
    if (id === undefined) {
      assert.ok(answer.canEnd(), `nothing may follow ${JSON.stringify(decode(bytes, false))}`);
      break;
    }
    answer.accept(id);
    tokens.push(id);
    bytes.push(...(vocabulary.bytesOf(id) ?? []));
  }
  assert.ok(answer.canEnd(), `the budget of ${budget} ends within ${JSON.stringify(decode(bytes, false))}`);
  return { text: decode(bytes, isText), tokens };
}

function decode(bytes: number[], isFatal: boolean): string {
  return new TextDecoder('utf-8', { fatal: isFatal }).decode(Uint8Array.from(bytes));
}

function countOf(mask: Uint32Array): number {
  let count = 0;
  for (let word of mask) for (; word !== 0; word &= word - 1) count++;
  return count;
}
