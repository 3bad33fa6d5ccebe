/**
 * Grammars as terms, and terms as states. A term stands for a set of byte strings; what may still follow after some
 * bytes is again a term (its derivative, see `derivatives.ts`), so that one kind of value is grammar, stack and state.
 *
 * 1. Equal terms are one object: a state met again is recognized, and what was computed for it is found.
 * 2. Sequences lean to the right and choices share their heads, so that parallel stacks share what they have in common.
 * 3. Once `solve` has run, a term that no text can complete is `never`: every byte that leads on leads to an end.
 * 4. `costOf` is a number of tokens that is enough to complete a term, and some token always leads to a term that costs
 *    at least one less. That is what lets a budget be kept.
 */
import { Problem } from '../../problems/problem.ts';
import { assertGuarded } from './left-recursion.ts';
import { settleCosts } from './settle-costs.ts';

/** 256 flags. */
export type ByteSet = Uint8Array;

/** A set of texts that is not written as a term but decides byte by byte. Its key names it among all leaves. */
export type Leaf = {
  readonly key: string;
  /** Whether its key says all of it, and names no term of its own grammar. */
  readonly isWhole?: true;
  readonly nullable: boolean;
  /** Bytes of the shortest completion. */
  readonly cost: number;
  /** What follows after each byte that may come. */
  next(terms: Terms): [byte: number, then: Term][];
};

export type Rule = { body: Term; cost: number };

type Base = { readonly id: number; readonly nullable: boolean; cost: number; table: Int32Array | null };
export type Term =
  | (Base & { readonly kind: 'never' | 'empty' })
  | (Base & { readonly kind: 'byte'; readonly set: ByteSet })
  /** The rest of `text` from `at` on; a character of it is a byte. */
  | (Base & { readonly kind: 'literal'; readonly text: string; readonly at: number })
  | (Base & { readonly kind: 'sequence'; readonly head: Term; readonly tail: Term })
  | (Base & { readonly kind: 'choice'; readonly members: readonly Term[] })
  | (Base & { readonly kind: 'repeat'; readonly body: Term; readonly least: number; readonly most: number })
  /** A named term that may be part of itself; never the empty text. */
  | (Base & { readonly kind: 'rule'; readonly rule: Rule })
  | (Base & { readonly kind: 'leaf'; readonly leaf: Leaf });

/** Of what texts are made. */
export type Alphabet = {
  /** Whether a token stands for exactly this byte. */
  hasByte(byte: number): boolean;
  /** For each position in the bytes of `text`, how few tokens spell the rest; infinite where none do. */
  spellingCosts(text: string): Float64Array;
};

/** Bytes one by one: what can be said of a grammar where no tokenizer is at hand. */
export const BYTES_ALONE: Alphabet = {
  hasByte: () => true,
  spellingCosts: (text) => Float64Array.from({ length: text.length + 1 }, (_, at) => text.length - at),
};

export type Terms = {
  readonly never: Term;
  readonly empty: Term;
  byId(id: number): Term;
  byte(set: ByteSet): Term;
  /** `text` in characters that each stand for one byte. */
  literal(text: string): Term;
  literalFrom(text: string, at: number): Term;
  sequence(...parts: Term[]): Term;
  /** A sequence of two, without the joining of neighbouring literals that `sequence` does for grammars. */
  followed(head: Term, tail: Term): Term;
  choice(members: readonly Term[]): Term;
  repeat(body: Term, least: number, most: number): Term;
  leaf(leaf: Leaf): Term;
  /** A term that may be used before it is defined. */
  rule(): { term: Term; define(body: Term): void };
  /** Ends the writing of rules; costs are known from here on. */
  solve(): void;
  costOf(term: Term): number;
  count(): number;
};

/** Grammars of real schemas have a few hundred terms, and a long answer adds some per token. 400,000 are about 80 MB. */
const MOST_TERMS = 400_000;
/** A third of a second on a slow machine. A hundred tools of forty-five parameters each take nearly all of it, 128 of eight a fifth. */
const MOST_WRITING = 270_000;
/** A set of bytes is looked at as a whole, several times. */
const COST_OF_BYTE = 8;
/** So many things that could be going on at once come only from patterns that were made to be ambiguous. */
const MOST_MEMBERS = 4_096;

export function createTerms(alphabet: Alphabet): Terms {
  const all: Term[] = [];
  const known = new Map<string, Term>();
  const pairs = new Map<number, Term>();
  const textIds = new Map<string, number>();
  const spelling = new Map<string, Float64Array>();
  const rules: Rule[] = [];
  let solved = false;
  let written = 0;

  /** Counts while a grammar is written; of what follows the derivatives keep count. */
  function spend(amount: number): void {
    written += amount;
    if (written > MOST_WRITING && !solved) throw tooComplex();
  }

  function add(make: (base: Base) => Term, nullable: boolean): Term {
    if (all.length >= MOST_TERMS) throw tooComplex();
    const term = make({ id: all.length, nullable, cost: Number.NaN, table: null });
    all.push(term);
    return term;
  }

  function intern(key: string, nullable: boolean, make: (base: Base) => Term): Term {
    let term = known.get(key);
    if (term === undefined) {
      term = add(make, nullable);
      known.set(key, term);
    }
    return possible(term);
  }

  const possible = (term: Term): Term => (solved && costOf(term) === Number.POSITIVE_INFINITY ? never : term);

  const never = add((base) => ({ ...base, kind: 'never' }), false);
  const empty = add((base) => ({ ...base, kind: 'empty' }), true);

  function literalFrom(text: string, at: number): Term {
    if (at === text.length) return empty;
    let textId = textIds.get(text);
    if (textId === undefined) {
      textId = textIds.size;
      textIds.set(text, textId);
    }
    return intern(`l${textId},${at}`, false, (base) => ({ ...base, kind: 'literal', text, at }));
  }

  function byte(set: ByteSet): Term {
    spend(COST_OF_BYTE);
    const usable = set.map((flag, value) => (flag === 1 && alphabet.hasByte(value) ? 1 : 0));
    if (!usable.includes(1)) return never;
    return intern(`b${packed(usable)}`, false, (base) => ({ ...base, kind: 'byte', set: usable }));
  }

  function pair(head: Term, tail: Term): Term {
    spend(1);
    if (head === never || tail === never) return never;
    if (head === empty) return tail;
    if (tail === empty) return head;
    if (head.kind === 'sequence') return pair(head.head, pair(head.tail, tail));
    const key = head.id * MOST_TERMS + tail.id;
    let term = pairs.get(key);
    if (term === undefined) {
      term = add((base) => ({ ...base, kind: 'sequence', head, tail }), head.nullable && tail.nullable);
      pairs.set(key, term);
    }
    return possible(term);
  }

  function sequence(...parts: Term[]): Term {
    const merged: Term[] = [];
    for (const part of parts) {
      const last = merged.at(-1);
      if (last?.kind === 'literal' && part.kind === 'literal') {
        merged[merged.length - 1] = literalFrom(last.text.slice(last.at) + part.text.slice(part.at), 0);
      } else {
        merged.push(part);
      }
    }
    return merged.reduceRight((tail, part) => pair(part, tail), empty);
  }

  function choice(members: readonly Term[]): Term {
    spend(members.length);
    const tails = new Map<Term, Set<Term>>();
    for (const member of members.flatMap((term) => (term.kind === 'choice' ? term.members : [term]))) {
      if (member === never) continue;
      const [head, tail] = member.kind === 'sequence' ? [member.head, member.tail] : [member, empty];
      const others = tails.get(head);
      if (others === undefined) tails.set(head, new Set([tail]));
      else others.add(tail);
    }
    const joined = [...tails].map(([head, of]) => pair(head, of.size === 1 ? first(of) : choice([...of])));
    const distinct = [...new Set(joined)].sort((left, right) => left.id - right.id);
    const needed = distinct.filter((term) => term !== empty || !distinct.some((it) => it !== empty && it.nullable));
    if (needed.length > MOST_MEMBERS && solved) throw tooComplex();
    const [only] = needed;
    if (only === undefined || needed.length === 1) return only ?? never;
    const nullable = needed.some((term) => term.nullable);
    const key = `c${needed.map(({ id }) => id).join()}`;
    return intern(key, nullable, (base) => ({ ...base, kind: 'choice', members: needed }));
  }

  function repeat(body: Term, least: number, most: number): Term {
    if (most === 0 || body === empty) return empty;
    if (body === never) return least === 0 ? empty : never;
    if (least === 1 && most === 1) return body;
    const fewest = body.nullable ? 0 : least;
    const key = `r${body.id},${fewest},${most}`;
    return intern(key, fewest === 0, (base) => ({ ...base, kind: 'repeat', body, least: fewest, most }));
  }

  function costOf(term: Term): number {
    if (Number.isNaN(term.cost)) term.cost = costFrom(term, costOf);
    return term.cost;
  }

  function costFrom(term: Term, of: (part: Term) => number): number {
    switch (term.kind) {
      case 'never':
        return Number.POSITIVE_INFINITY;
      case 'empty':
        return 0;
      case 'byte':
        return 1;
      case 'literal':
        return spellingOf(term.text)[term.at] ?? 0;
      case 'sequence':
        return of(term.head) + of(term.tail);
      case 'choice':
        return term.members.reduce((least, member) => Math.min(least, of(member)), Number.POSITIVE_INFINITY);
      case 'repeat':
        return term.least === 0 ? 0 : term.least * of(term.body);
      case 'rule':
        return term.rule.cost;
      case 'leaf':
        return term.leaf.cost;
    }
  }

  function spellingOf(text: string): Float64Array {
    let costs = spelling.get(text);
    if (costs === undefined) {
      costs = alphabet.spellingCosts(text);
      spelling.set(text, costs);
    }
    return costs;
  }

  function solve(): void {
    assertGuarded(rules);
    settleCosts(rules, (term) => costFrom(term, costOf), all.length);
    solved = true;
  }

  return {
    never,
    empty,
    byId: (id) => all[id] ?? never,
    byte,
    literal: (text) => literalFrom(text, 0),
    literalFrom,
    sequence,
    followed: pair,
    choice,
    repeat,
    leaf: (leaf) => intern(`x${leaf.key}`, leaf.nullable, (base) => ({ ...base, kind: 'leaf', leaf })),
    rule() {
      const rule: Rule = { body: never, cost: Number.POSITIVE_INFINITY };
      rules.push(rule);
      const term = add((base) => ({ ...base, kind: 'rule', rule }), false);
      return {
        term,
        define: (body) => {
          rule.body = body;
        },
      };
    },
    solve,
    costOf,
    count: () => all.length,
  };
}

function first(terms: ReadonlySet<Term>): Term {
  const [only] = terms;
  return only as Term;
}

/** The flags as text, sixteen to a character. */
function packed(set: ByteSet): string {
  let text = '';
  for (let at = 0; at < set.length; at += 16) {
    let word = 0;
    for (let bit = 0; bit < 16; bit++) word |= (set[at + bit] ?? 0) << bit;
    text += String.fromCharCode(word);
  }
  return text;
}

export function byteSet(...ranges: readonly (readonly [from: number, to: number])[]): ByteSet {
  const set = new Uint8Array(256);
  for (const [from, to] of ranges) set.fill(1, from, to + 1);
  return set;
}

/** What a format is refused with that would take too long to follow. */
export function tooComplex(): Problem {
  return new Problem(
    'unsupported_parameter',
    'The format that was asked for allows too many things at once to be followed. Simplify its schema or pattern.',
  );
}
