import type { JsonObject } from '../transformers/model-files.ts';
import type { JsonText } from './json-text.ts';
import type { Effort } from './schema-keywords.ts';
import type { Term, Terms } from './terms.ts';

export type CompilePart = (part: unknown, place: string, depth: number) => Term;
export type Refuse = (place: string, why: string, code: 'unsupported_parameter' | 'invalid_value') => void;

/** Members and leading items of one place; terms nest as deep as there are of them. */
const MOST_PARTS = 1_000;
const FEW_MEMBERS = 24;

type Spans = { entries: Term[]; named(body: Term): Term; between(from: number, to: number): Term };
type Member = { name: string; isRequired: boolean; term: Term };

/** The rest of the compiler. */
export type ShapeTools = { terms: Terms; json: JsonText; compile: CompilePart; refuse: Refuse; effort: Effort };

/** Compiles objects and arrays. */
export function createShapes({ terms, json, compile, refuse, effort }: ShapeTools) {
  function object(part: JsonObject, place: string, depth: number): Term {
    const required = (part.required ?? []) as string[];
    const named = new Map(Object.entries((part.properties ?? {}) as JsonObject));
    if (named.size + required.length > 2 * MOST_PARTS) {
      refuse(`${place}.properties`, `there are more than ${MOST_PARTS} properties.`, 'invalid_value');
    }
    const others = othersOf(part, place, named.size + required.length > 0);
    const otherTerm = others === false ? terms.never : compile(others, `${place}.additionalProperties`, depth + 1);
    const members: Member[] = [];
    for (const [name, value] of named) {
      const isRequired = required.includes(name);
      if (value === false && !isRequired) continue;
      members.push({ name, isRequired, term: compile(value, `${place}.properties.${name}`, depth + 1) });
    }
    for (const name of new Set(required)) {
      if (named.has(name)) continue;
      const isForbidden = part.additionalProperties === false || part.unevaluatedProperties === false;
      members.push({
        name,
        isRequired: true,
        term: isForbidden ? terms.never : compile(anyOther(part), place, depth + 1),
      });
    }
    const [least, most] = othersCount(part, members, otherTerm !== terms.never, place);
    const names = [...new Set([...named.keys(), ...required])];
    if (otherTerm !== terms.never) effort.spend(10 * names.join('').length);
    const other = otherTerm === terms.never ? null : terms.sequence(json.nameExcept(names), json.colon, otherTerm);
    if (other === null && least > 0) return terms.never;
    return terms.sequence(json.text('{'), membersFrom(members, other, least, most));
  }

  function anyOther(part: JsonObject): unknown {
    return part.additionalProperties ?? true;
  }

  /** What members that the schema does not name must be like; `false` for none. */
  function othersOf(part: JsonObject, place: string, hasNamed: boolean): unknown {
    const { additionalProperties, unevaluatedProperties } = part;
    if (typeof unevaluatedProperties === 'object') {
      refuse(`${place}.unevaluatedProperties`, 'only true and false can be enforced.', 'unsupported_parameter');
    }
    if (unevaluatedProperties === false && additionalProperties === undefined) return false;
    return additionalProperties ?? !hasNamed;
  }

  /** How many members that have no name of their own there may be. */
  function othersCount(part: JsonObject, members: Member[], hasOthers: boolean, place: string): [number, number] {
    const required = members.filter(({ isRequired }) => isRequired).length;
    const missing = countOf(part.minProperties, 0) - required;
    const left = countOf(part.maxProperties, Number.POSITIVE_INFINITY) - members.length;
    if (left < 0) {
      const why = 'it is smaller than the number of properties. Leave properties out instead.';
      refuse(`${place}.maxProperties`, why, 'unsupported_parameter');
    }
    // Two names may be the same, and then count once.
    if (missing > 1 || (missing === 1 && !hasOthers)) {
      refuse(`${place}.minProperties`, 'make that many properties required instead.', 'unsupported_parameter');
    }
    return [missing === 1 && hasOthers ? 1 : 0, left < 0 ? Number.POSITIVE_INFINITY : left];
  }

  /** Members in order, each of the optional ones or not, with commas between those that come. */
  function membersFrom(members: readonly Member[], other: Term | null, least: number, most: number): Term {
    const separated = (term: Term, isFirst: boolean): Term => (isFirst ? term : terms.sequence(json.comma, term));
    const close = json.text('}');

    function end(isFirst: boolean): Term {
      if (other === null || most === 0) return close;
      const more = terms.repeat(terms.sequence(json.comma, other), Math.max(0, least - 1), most - 1);
      if (!isFirst) return terms.sequence(terms.repeat(terms.sequence(json.comma, other), least, most), close);
      const some = terms.sequence(other, more, close);
      return least > 0 ? some : terms.choice([some, close]);
    }

    if (members.length === 0) return end(true);
    const after: Term[] = [];
    after[members.length] = end(false);
    const entryOf = (at: number, isFirst: boolean): Term => {
      const { name, term } = members[at] as Member;
      return separated(terms.sequence(json.value(name), json.colon, term, after[at + 1] as Term), isFirst);
    };
    const later = createSpans(members.length);
    for (let at = members.length - 1; at >= 0; at--) {
      later.entries[at] = entryOf(at, false);
      after[at] = later.named(oneFrom(at, later, members, end(false)));
    }
    const firsts = createSpans(members.length);
    for (const at of members.keys()) firsts.entries[at] = entryOf(at, true);
    return oneFrom(0, firsts, members, end(true));
  }

  /** The next of the members from `at` on: up to the first that is required, or none of them when there is no such. */
  function oneFrom(at: number, spans: Spans, members: readonly Member[], none: Term): Term {
    let until = at;
    while (members[until]?.isRequired === false) until++;
    const isEnd = until === members.length;
    const ways = spans.between(at, isEnd ? until : until + 1);
    return isEnd ? terms.choice([ways, none]) : ways;
  }

  /**
   * Choices between neighbouring entries, as trees whose branches are shared and named where there are many: written out
   * one by one they would nest, and take room, by the square of their number.
   */
  function createSpans(count: number): Spans {
    const entries: Term[] = [];
    const known = new Map<string, Term>();

    function named(body: Term): Term {
      if (count <= FEW_MEMBERS) return body;
      const rule = terms.rule();
      rule.define(body);
      return rule.term;
    }

    function block(from: number, size: number): Term {
      if (size === 1) return entries[from] as Term;
      const key = `${from},${size}`;
      const half = size / 2;
      const made = known.get(key) ?? named(terms.choice([block(from, half), block(from + half, half)]));
      known.set(key, made);
      return made;
    }

    return {
      entries,
      named,
      between(from, to) {
        const blocks: Term[] = [];
        for (let at = from; at < to; ) {
          let size = 1;
          while (at % (size * 2) === 0 && at + size * 2 <= to) size *= 2;
          blocks.push(block(at, size));
          at += size;
        }
        return terms.choice(blocks);
      },
    };
  }

  function array(part: JsonObject, place: string, depth: number): Term {
    if (part.uniqueItems === true && (part.maxItems === undefined || Number(part.maxItems) > 1)) {
      refuse(`${place}.uniqueItems`, 'it cannot be enforced. Leave it out.', 'unsupported_parameter');
    }
    const first = (part.prefixItems ?? []) as unknown[];
    if (first.length > MOST_PARTS) {
      refuse(`${place}.prefixItems`, `there are more than ${MOST_PARTS} items.`, 'invalid_value');
    }
    const least = countOf(part.minItems, 0);
    const most = countOf(part.maxItems, Number.POSITIVE_INFINITY);
    if (least > most) return terms.never;
    const leading = first.map((item, at) => compile(item, `${place}.prefixItems.${at}`, depth + 1));
    const item = part.items === false ? terms.never : compile(part.items ?? true, `${place}.items`, depth + 1);
    return terms.sequence(json.text('['), itemsFrom(leading, item, least, most), json.text(']'));
  }

  function itemsFrom(leading: readonly Term[], item: Term, least: number, most: number): Term {
    const separated = (term: Term): Term => terms.sequence(json.comma, term);
    const isPossible = item !== terms.never;
    const repeated = (from: number): Term =>
      isPossible
        ? terms.repeat(separated(item), Math.max(0, least - from), most - from)
        : least > from
          ? terms.never
          : terms.empty;
    const orEnd = (term: Term, at: number): Term => (at >= least ? terms.choice([term, terms.empty]) : term);
    if (most === 0) return terms.empty;
    if (leading.length === 0) return orEnd(isPossible ? terms.sequence(item, repeated(1)) : terms.never, 0);
    let rest = most >= leading.length ? repeated(leading.length) : terms.empty;
    for (let at = Math.min(leading.length, most) - 1; at >= 0; at--) {
      const term = leading[at] ?? terms.never;
      rest = orEnd(terms.sequence(at === 0 ? term : separated(term), rest), at);
    }
    return rest;
  }

  return { object, array };
}

/** A keyword that counts; its shape has been checked. */
export function countOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
