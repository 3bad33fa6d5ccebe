import type { Rule, Term } from './terms.ts';

/**
 * Gives every term that rules are made of its cost, and the rules theirs. Cheapest first, so that each is settled once
 * (Knuth's generalization of Dijkstra's algorithm): schemas come from strangers, and to go over all rules until none
 * changes takes the square of their number when they are named in the wrong order. What is never reached has no end. `count` is
 * above every term's id.
 */
export function settleCosts(rules: readonly Rule[], ownCost: (term: Term) => number, count: number): void {
  const { met, users } = usersOf(rules, count);
  const settled = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const queue = createQueue();
  for (const term of met) if (!hasParts(term)) queue.add(term, ownCost(term));
  for (let term = queue.take(); term !== undefined; term = queue.take()) {
    if (settled[term.id] !== Number.POSITIVE_INFINITY) continue;
    settled[term.id] = queue.taken();
    for (const user of users[term.id] ?? []) {
      if (settled[user.id] === Number.POSITIVE_INFINITY) queue.add(user, costThrough(user, term, settled));
    }
  }
  for (const term of met) term.cost = settled[term.id] ?? Number.POSITIVE_INFINITY;
  for (const rule of rules) rule.cost = rule.body.cost;
}

/** What a term costs once one of its parts is settled; infinite while another part is missing. */
function costThrough(user: Term, part: Term, settled: Float64Array): number {
  const costOf = ({ id }: Term): number => settled[id] ?? Number.POSITIVE_INFINITY;
  if (user.kind === 'sequence') return costOf(user.head) + costOf(user.tail);
  return user.kind === 'repeat' ? user.least * costOf(part) : costOf(part);
}

/** All terms below the rules, and by id those that each is a part of. */
function usersOf(rules: readonly Rule[], count: number): { met: Term[]; users: (Term[] | undefined)[] } {
  const users = new Array<Term[] | undefined>(count);
  const met: Term[] = [];
  const meet = (term: Term): Term[] => {
    let known = users[term.id];
    if (known === undefined) {
      known = [];
      users[term.id] = known;
      met.push(term);
    }
    return known;
  };
  for (const { body } of rules) meet(body);
  for (let at = 0; at < met.length; at++) {
    const term = met[at] as Term;
    forEachPart(term, (part) => meet(part).push(term));
  }
  return { met, users };
}

/** The parts without which a term has no cost. */
function forEachPart(term: Term, visit: (part: Term) => void): void {
  if (term.kind === 'sequence') {
    visit(term.head);
    visit(term.tail);
  } else if (term.kind === 'choice') for (const member of term.members) visit(member);
  else if (term.kind === 'repeat' && term.least > 0) visit(term.body);
  else if (term.kind === 'rule') visit(term.rule.body);
}

function hasParts(term: Term): boolean {
  if (term.kind === 'repeat') return term.least > 0;
  return term.kind === 'sequence' || term.kind === 'choice' || term.kind === 'rule';
}

/** A binary heap: the cheapest comes first. Infinite costs never come. */
function createQueue() {
  const costs: number[] = [];
  const terms: Term[] = [];
  let taken = 0;
  const costAt = (at: number): number => costs[at] ?? Number.POSITIVE_INFINITY;
  const swap = (a: number, b: number): void => {
    const [cost, term] = [costs[a] as number, terms[a] as Term];
    costs[a] = costs[b] as number;
    terms[a] = terms[b] as Term;
    costs[b] = cost;
    terms[b] = term;
  };
  const sink = (): void => {
    for (let at = 0; ; ) {
      const below = costAt(2 * at + 1) <= costAt(2 * at + 2) ? 2 * at + 1 : 2 * at + 2;
      if (costAt(below) >= costAt(at)) return;
      swap(at, below);
      at = below;
    }
  };
  return {
    add(term: Term, cost: number): void {
      if (cost === Number.POSITIVE_INFINITY) return;
      costs.push(cost);
      let at = terms.push(term) - 1;
      for (let above = (at - 1) >> 1; at > 0 && costAt(above) > cost; above = (at - 1) >> 1) {
        swap(at, above);
        at = above;
      }
    },
    take(): Term | undefined {
      if (terms.length === 0) return undefined;
      swap(0, terms.length - 1);
      taken = costs.pop() as number;
      const term = terms.pop();
      sink();
      return term;
    },
    /** What the last one that was taken costs. */
    taken: (): number => taken,
  };
}
