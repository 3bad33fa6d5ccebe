import type { ConstrainedAnswer, Constraint } from '../../constraints/constraint.ts';
import type { ToolFormat } from '../../constraints/tool-formats.ts';
import type { ThoughtPhase } from './thoughts.ts';

/** What holds an answer to a grammar while it is made. */
export type HeldAnswer = {
  /** What the next token, which is then made, is held to; null for one that is free. */
  next(): ConstrainedAnswer | null;
  isComplete(): boolean;
};

/**
 * Holds an answer of at most `budget` tokens. Where calls have a mark, the grammar knows that any words may come before one. Where they
 * have none, a call is an answer that begins with one: thoughts are then not of the answer, nor are the blanks behind them.
 */
export function holdAnswer(
  constraint: Constraint,
  budget: number,
  { mark }: ToolFormat,
  phase: () => ThoughtPhase,
): HeldAnswer {
  let held = constraint.begin(budget);
  let made = 0;
  const phaseNow = (): ThoughtPhase => (mark === null ? phase() : 'answering');
  return {
    next() {
      const now = phaseNow();
      if (now === 'between') held = constraint.begin(budget - made);
      made++;
      return now === 'thinking' ? null : held;
    },
    isComplete: () => phaseNow() === 'answering' && held.isComplete(),
  };
}
