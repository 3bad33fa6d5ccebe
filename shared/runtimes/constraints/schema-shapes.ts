import { isJsonObject, type JsonObject } from '../transformers/model-files.ts';
import type { JsonText } from './json-text.ts';
import type { Term, Terms } from './terms.ts';

export type CompilePart = (part: unknown, place: string, depth: number) => Term;
export type Refuse = (place: string, why: string, code: 'unsupported_parameter' | 'invalid_value') => void;

/** Members and leading items of one place; terms nest as deep as there are of them. */
const MOST_PARTS = 1_000;

type Member = { name: string; isRequired: boolean; term: Term };

/** Compiles objects and arrays; `compile` and `refuse` are the rest of the compiler. */
export function createShapes(terms: Terms, json: JsonText, compile: CompilePart, refuse: Refuse) {
  /** A keyword that counts; `null` when it is absent. */
  function count(part: JsonObject, keyword: string, place: string): number | null {
    const value = part[keyword];
    if (value === undefined) return null;
    if (Number.isInteger(value) && (value as number) >= 0) return value as number;
    refuse(`${place}.${keyword}`, 'it must be a whole number from 0.', 'invalid_value');
    return null;
  }

  function object(part: JsonObject, place: string, depth: number): Term {
    const properties = part.properties ?? {};
    const required = part.required ?? [];
    if (!isJsonObject(properties)) refuse(`${place}.properties`, 'it must be an object.', 'invalid_value');
    if (!isNames(required)) {
      refuse(`${place}.required`, 'it must be a list of names.', 'invalid_value');
      return terms.never;
    }
    const named = new Map(Object.entries(properties as JsonObject));
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
    if (unevaluatedProperties !== undefined && typeof unevaluatedProperties !== 'boolean') {
      refuse(`${place}.unevaluatedProperties`, 'only true and false can be enforced.', 'unsupported_parameter');
    }
    if (unevaluatedProperties === false && additionalProperties === undefined) return false;
    return additionalProperties ?? !hasNamed;
  }

  /** How many members that have no name of their own there may be. */
  function othersCount(part: JsonObject, members: Member[], hasOthers: boolean, place: string): [number, number] {
    const required = members.filter(({ isRequired }) => isRequired).length;
    const missing = (count(part, 'minProperties', place) ?? 0) - required;
    const left = (count(part, 'maxProperties', place) ?? Number.POSITIVE_INFINITY) - members.length;
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

  /** Each place among the members is a rule of its own, so that many optional members take room once each. */
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

    let following = { first: end(true), later: end(false) };
    for (const { name, isRequired, term } of members.toReversed()) {
      const { first, later } = following;
      const member = terms.sequence(json.value(name), json.colon, term, later);
      const from = (isFirst: boolean): Term => {
        const present = separated(member, isFirst);
        if (isRequired) return present;
        const rule = terms.rule();
        rule.define(terms.choice([present, isFirst ? first : later]));
        return rule.term;
      };
      following = { first: from(true), later: from(false) };
    }
    return following.first;
  }

  function array(part: JsonObject, place: string, depth: number): Term {
    if (part.uniqueItems === true && (part.maxItems === undefined || Number(part.maxItems) > 1)) {
      refuse(`${place}.uniqueItems`, 'it cannot be enforced. Leave it out.', 'unsupported_parameter');
    }
    const first = part.prefixItems ?? [];
    if (!Array.isArray(first) || Array.isArray(part.items)) {
      const why = 'items must be a schema, and prefixItems a list of schemas.';
      refuse(`${place}.${Array.isArray(part.items) ? 'items' : 'prefixItems'}`, why, 'invalid_value');
      return terms.never;
    }
    if (first.length > MOST_PARTS) {
      refuse(`${place}.prefixItems`, `there are more than ${MOST_PARTS} items.`, 'invalid_value');
    }
    const least = count(part, 'minItems', place) ?? 0;
    const most = count(part, 'maxItems', place) ?? Number.POSITIVE_INFINITY;
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

  return { object, array, count };
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
