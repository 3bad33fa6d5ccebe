import { Problem } from '../../problems/problem.ts';
import type { Rule, Term } from './terms.ts';

/** Refuses rules that would have to be read before their own first byte: a schema that is only a reference to itself. */
export function assertGuarded(rules: readonly Rule[]): void {
  const done = new Set<Rule>();
  const open = new Set<Rule>();

  function visitRule(rule: Rule): void {
    if (done.has(rule)) return;
    if (open.has(rule)) {
      throw new Problem('invalid_value', 'The references of the schema lead in a circle without a value on the way.');
    }
    open.add(rule);
    visit(rule.body);
    open.delete(rule);
    done.add(rule);
  }

  /** Everything that may stand at the very beginning. */
  function visit(term: Term): void {
    if (term.kind === 'rule') visitRule(term.rule);
    else if (term.kind === 'choice') for (const member of term.members) visit(member);
    else if (term.kind === 'repeat') visit(term.body);
    else if (term.kind === 'sequence') {
      visit(term.head);
      if (term.head.nullable) visit(term.tail);
    }
  }

  for (const rule of rules) visitRule(rule);
}
