import { Problem } from '../../problems/problem.ts';
import { isJsonObject, type JsonObject } from '../transformers/model-files.ts';
import type { JsonText } from './json-text.ts';
import {
  assertionsOf,
  type Effort,
  inOwnWords,
  isEnforced,
  type JsonType,
  typesOf,
  wrongShape,
} from './schema-keywords.ts';
import { areDisjoint } from './schema-merge.ts';
import { createReferences, dotted } from './schema-references.ts';
import { createScalars } from './schema-scalars.ts';
import { createShapes } from './schema-shapes.ts';
import type { Term, Terms } from './terms.ts';

export type SchemaOptions = {
  /** Where the schema stands in the request; every complaint begins with it. */
  param: string;
  /** Leaves out what cannot be enforced instead of refusing it, and tells where. */
  onIgnored?: (param: string) => void;
  /** Shared by the schemas of one request, which cost together what one may; its own when absent. */
  effort?: Effort;
};

/** OpenAI's limit is 5,000 properties; these are all places together. */
const MOST_PLACES = 10_000;
const DEEPEST = 64;
/** Characters that are compared, more or less; about a tenth of a second on a slow machine. */
const MOST_EFFORT = 500_000;

/** Errors: `invalid_value` once more is spent than reading the schemas of a request may take. */
export function createEffort(param: string): Effort {
  let spent = 0;
  return {
    spend: (amount) => {
      spent += amount;
      if (spent > MOST_EFFORT) throw tooLarge(param, 'it takes too long to read');
    },
  };
}

/**
 * Compiles a JSON Schema: every text of the term is JSON that is valid under the schema. Not every valid value can be
 * written: members come in the order of the schema, and a schema that lists members and does not mention others has no
 * others.
 *
 * Throws `unsupported_parameter` for a keyword that cannot be enforced, `invalid_value` for a schema that is wrong; both
 * with the place.
 */
export function compileSchema(schema: unknown, terms: Terms, json: JsonText, options: SchemaOptions): Term {
  const named = new Map<string, Term>();
  let places = 0;
  const { effort = createEffort(options.param) } = options;
  const references = createReferences({ root: schema, checked, refuse, effort });
  const shapes = createShapes({ terms, json, compile, refuse, effort });
  const scalars = createScalars({ terms, json, refuse, effort });

  function refuse(place: string, why: string, code: 'unsupported_parameter' | 'invalid_value'): void {
    if (code === 'unsupported_parameter' && options.onIgnored !== undefined) {
      options.onIgnored(place);
      return;
    }
    throw new Problem(code, `The schema cannot be followed at ${place}: ${why}`, { param: place });
  }

  function compile(part: unknown, place: string, depth: number): Term {
    if (++places > MOST_PLACES) throw tooLarge(place, `it has more than ${MOST_PLACES} parts`);
    if (depth > DEEPEST) throw tooLarge(place, `it is nested more than ${DEEPEST} levels deep`);
    if (part === true) return json.any();
    if (part === false) return terms.never;
    if (!isJsonObject(part)) {
      throw new Problem('invalid_value', `A schema must be an object, true or false at ${place}.`, { param: place });
    }
    return compileObject(checked(part, place), place, depth);
  }

  /** The schema without what is ignored. */
  function checked(part: JsonObject, place: string): JsonObject {
    const kept: Record<string, unknown> = { ...part };
    for (const keyword of assertionsOf(part)) {
      if (isEnforced(keyword)) continue;
      refuse(`${place}.${keyword}`, `"${keyword}" cannot be enforced. Leave it out.`, 'unsupported_parameter');
      delete kept[keyword];
    }
    for (const [keyword, value] of Object.entries(kept)) {
      const words = wrongShape(keyword, value);
      if (words !== null) refuse(`${place}.${keyword}`, `it must be ${words}.`, 'invalid_value');
    }
    return inOwnWords(kept);
  }

  function compileObject(part: JsonObject, place: string, depth: number): Term {
    if (part.$ref !== undefined) return compileReference(part, place, depth);
    for (const keyword of ['allOf', 'anyOf', 'oneOf', 'enum'] as const) {
      const list = part[keyword] as unknown[] | undefined;
      if (list === undefined) continue;
      const { [keyword]: _, ...others } = part;
      if (keyword === 'allOf') return compile(references.allOf(list, others, place), place, depth + 1);
      if (keyword === 'enum') return scalars.values(list, others, `${place}.enum`);
      if (keyword === 'oneOf') assertExclusive(list, `${place}.oneOf`);
      return terms.choice(
        list.map((branch, at) => {
          const inside = `${place}.${keyword}.${at}`;
          return compile(
            assertionsOf(others).length === 0 ? branch : references.allOf([branch], others, inside),
            inside,
            depth + 1,
          );
        }),
      );
    }
    if (part.const !== undefined) {
      const { const: value, ...others } = part;
      return scalars.values([value], others, `${place}.const`);
    }
    const types = typesOf(part);
    if (types === null) return json.any();
    return terms.choice(types.map((type) => compileType(type, part, place, depth)));
  }

  function compileReference(part: JsonObject, place: string, depth: number): Term {
    const pointer = String(part.$ref);
    const others = assertionsOf(part).filter((keyword) => keyword !== '$ref');
    if (others.length > 0) {
      const { $ref: _, ...rest } = part;
      return compile(references.allOf([{ $ref: pointer }], rest, place), place, depth + 1);
    }
    let term = named.get(pointer);
    if (term === undefined) {
      const rule = terms.rule();
      term = rule.term;
      named.set(pointer, term);
      rule.define(
        compile(references.resolvePointer(pointer, `${place}.$ref`), `${options.param}${dotted(pointer)}`, depth + 1),
      );
    }
    return term;
  }

  function assertExclusive(list: readonly unknown[], place: string): void {
    const telling = { resolve: (part: unknown): unknown => references.resolve(part, place), effort };
    const overlap = list.some((left, at) => list.slice(at + 1).some((right) => !areDisjoint(left, right, telling)));
    if (!overlap) return;
    const why = 'its branches do not exclude each other by a type, a constant or a required property. Use anyOf.';
    refuse(place, why, 'unsupported_parameter');
  }

  function compileType(type: JsonType, part: JsonObject, place: string, depth: number): Term {
    switch (type) {
      case 'object':
        return shapes.object(part, place, depth);
      case 'array':
        return shapes.array(part, place, depth);
      case 'string':
        return scalars.string(part, place);
      case 'number':
      case 'integer':
        return scalars.number(type, part, place);
      case 'boolean':
        return terms.choice([json.text('true'), json.text('false')]);
      case 'null':
        return json.text('null');
    }
  }

  return compile(schema, options.param, 0);
}

function tooLarge(place: string, why: string): Problem {
  return new Problem('invalid_value', `The schema cannot be followed at ${place.slice(0, 200)}: ${why}.`, {
    param: place.slice(0, 200),
  });
}
