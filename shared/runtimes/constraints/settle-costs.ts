import type { Rule, Term } from './terms.ts';

/**
 * Gives every term that rules are made of its cost, and the rules theirs. Cheapest first, so that each is settled once
 * (Knuth's generalization of Dijkstra's algorithm): schemas come from strangers, and to go over all rules until none
 * changes takes the square of their number when they are named in the wrong order. What is never reached has no end.
 */
export function settleCosts(rules: readonly Rule[], ownCost: (term: Term) => number): void {
  const users = usersOf(rules);
  const settled = new Map<Term, number>();
  const queue = createQueue();
  for (const term of users.keys()) if (partsOf(term).length === 0) queue.add(term, ownCost(term));
  for (let next = queue.take(); next !== undefined; next = queue.take()) {
    const [cost, term] = next;
    if (settled.has(term)) continue;
    settled.set(term, cost);
    for (const user of users.get(term) ?? []) queue.add(user, costThrough(user, cost, settled));
  }
  for (const term of users.keys()) term.cost = settled.get(term) ?? Number.POSITIVE_INFINITY;
  for (const rule of rules) rule.cost = rule.body.cost;
}

/** What a term costs once one of its parts is settled; infinite while another part is missing. */
function costThrough(user: Term, cost: number, settled: ReadonlyMap<Term, number>): number {
  const costOf = (part: Term): number => settled.get(part) ?? Number.POSITIVE_INFINITY;
  if (user.kind === 'sequence') return costOf(user.head) + costOf(user.tail);
  return user.kind === 'repeat' ? user.least * cost : cost;
}

/** All terms below the rules, each with those that it is a part of. */
function usersOf(rules: readonly Rule[]): Map<Term, Term[]> {
  const users = new Map<Term, Term[]>();
  const open: Term[] = [];
  const meet = (term: Term): Term[] => {
    let known = users.get(term);
    if (known === undefined) {
      known = [];
      users.set(term, known);
      open.push(term);
    }
    return known;
  };
  for (const { body } of rules) meet(body);
  for (let term = open.pop(); term !== undefined; term = open.pop()) {
    for (const part of partsOf(term)) meet(part).push(term);
  }
  return users;
}

/** The parts without which a term has no cost. */
function partsOf(term: Term): readonly Term[] {
  if (term.kind === 'sequence') return [term.head, term.tail];
  if (term.kind === 'choice') return term.members;
  if (term.kind === 'repeat') return term.least === 0 ? [] : [term.body];
  return term.kind === 'rule' ? [term.rule.body] : [];
}

type Entry = readonly [cost: number, term: Term];

/** A binary heap: the cheapest comes first. Infinite costs never come. */
function createQueue() {
  const entries: Entry[] = [];
  const costAt = (at: number): number => entries[at]?.[0] ?? Number.POSITIVE_INFINITY;
  const swap = (a: number, b: number): void => {
    [entries[a], entries[b]] = [entries[b] as Entry, entries[a] as Entry];
  };
  return {
    add(term: Term, cost: number): void {
      if (cost === Number.POSITIVE_INFINITY) return;
      let at = entries.push([cost, term]) - 1;
      for (let above = (at - 1) >> 1; at > 0 && costAt(above) > cost; above = (at - 1) >> 1) {
        swap(at, above);
        at = above;
      }
    },
    take(): Entry | undefined {
      const first = entries[0];
      const last = entries.pop();
      if (last === undefined || entries.length === 0) return first;
      entries[0] = last;
      for (let at = 0; ; ) {
        const below = costAt(2 * at + 1) <= costAt(2 * at + 2) ? 2 * at + 1 : 2 * at + 2;
        if (costAt(below) >= costAt(at)) return first;
        swap(at, below);
        at = below;
      }
    },
  };
}
