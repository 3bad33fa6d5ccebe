import { Problem } from '../../problems/problem.ts';
import { isJsonObject, type JsonObject } from '../transformers/model-files.ts';
import { numberWithin } from './decimal.ts';
import { FORMATS } from './formats.ts';
import type { JsonText } from './json-text.ts';
import { readPattern } from './pattern.ts';
import { assertionsOf, hasType, isEnforced, type JsonType, jsonKey, typesOf, wrongShape } from './schema-keywords.ts';
import { areDisjoint, CannotMerge, mergeSchemas } from './schema-merge.ts';
import { countOf, createShapes } from './schema-shapes.ts';
import type { Term, Terms } from './terms.ts';

export type SchemaOptions = {
  /** Where the schema stands in the request; every complaint begins with it. */
  param: string;
  /** Leaves out what cannot be enforced instead of refusing it, and tells where. */
  onIgnored?: (param: string) => void;
};

/** OpenAI's limit is 5,000 properties; these are all places together. */
const MOST_PLACES = 10_000;
const DEEPEST = 64;
/** Characters that are compared, more or less; about a tenth of a second on a slow machine. */
const MOST_EFFORT = 500_000;
/** What working out which digits can begin a number is like. */
const EFFORT_OF_NUMBER = 1_000;
const MOST_VALUES = 2_000;
const INT32 = 2 ** 31;

/**
 * Compiles a JSON Schema: every text of the term is JSON that is valid under the schema. Not every valid value can be
 * written: members come in the order of the schema, and a schema that lists members and does not mention others has no
 * others.
 *
 * Throws `unsupported_parameter` for a keyword that cannot be enforced, `invalid_value` for a schema that is wrong; both
 * with the place.
 */
export function compileSchema(schema: unknown, terms: Terms, json: JsonText, options: SchemaOptions): Term {
  const references = new Map<string, Term>();
  let places = 0;
  let spent = 0;
  const effort = {
    spend(amount: number): void {
      spent += amount;
      if (spent > MOST_EFFORT) throw tooLarge(options.param, 'it takes too long to read');
    },
  };
  const shapes = createShapes({ terms, json, compile, refuse, effort });

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
    return kept;
  }

  function compileObject(part: JsonObject, place: string, depth: number): Term {
    if (part.$ref !== undefined) return compileReference(part, place, depth);
    for (const keyword of ['allOf', 'anyOf', 'oneOf', 'enum'] as const) {
      const list = part[keyword] as unknown[] | undefined;
      if (list === undefined) continue;
      const { [keyword]: _, ...others } = part;
      if (keyword === 'allOf') return compile(allOf(list, others, place), place, depth + 1);
      if (keyword === 'enum') return compileValues(list, others, `${place}.enum`);
      if (keyword === 'oneOf') assertExclusive(list, `${place}.oneOf`);
      return terms.choice(
        list.map((branch, at) => {
          const inside = `${place}.${keyword}.${at}`;
          return compile(
            assertionsOf(others).length === 0 ? branch : allOf([branch], others, inside),
            inside,
            depth + 1,
          );
        }),
      );
    }
    if (part.const !== undefined) {
      const { const: value, ...others } = part;
      return compileValues([value], others, `${place}.const`);
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
      return compile(allOf([{ $ref: pointer }], rest, place), place, depth + 1);
    }
    let term = references.get(pointer);
    if (term === undefined) {
      const rule = terms.rule();
      term = rule.term;
      references.set(pointer, term);
      rule.define(compile(resolvePointer(pointer, `${place}.$ref`), `${options.param}${dotted(pointer)}`, depth + 1));
    }
    return term;
  }

  function resolvePointer(pointer: string, place: string): unknown {
    const steps = pointer === '#' ? [] : pointer.startsWith('#/') ? pointer.slice(2).split('/') : null;
    let target: unknown = steps === null ? undefined : schema;
    for (const step of steps ?? []) {
      const key = decodeStep(step);
      const has = typeof target === 'object' && target !== null && Object.hasOwn(target, key);
      target = has ? (target as JsonObject)[key] : undefined;
    }
    if (target === undefined) {
      const why = `${pointer.slice(0, 100)} is no place in this schema. Only references such as #/$defs/name are followed.`;
      throw new Problem('invalid_value', `The schema cannot be followed at ${place}: ${why}`, { param: place });
    }
    return target;
  }

  /** Follows references on top; what is still one after so many steps leads in a circle. */
  function resolve(part: unknown, place: string): unknown {
    let target = part;
    for (let step = 0; step < DEEPEST; step++) {
      if (!isJsonObject(target) || target.$ref === undefined) return target;
      const { $ref, ...rest } = target;
      const found = resolvePointer(String($ref), `${place}.$ref`);
      target = assertionsOf(rest).length === 0 ? found : { ...rest, allOf: [found, ...listIn(rest.allOf)] };
    }
    throw new Problem('invalid_value', `The references at ${place} lead in a circle.`, { param: place });
  }

  function allOf(parts: readonly unknown[], others: JsonObject, place: string): unknown {
    let merged: JsonObject = others;
    for (const [at, part] of parts.entries()) {
      effort.spend(10);
      const inside = `${place}.allOf.${at}`;
      const resolved = resolve(part, inside);
      if (resolved === false) return false;
      if (resolved === true) continue;
      if (!isJsonObject(resolved)) {
        throw new Problem('invalid_value', `A schema must be an object, true or false at ${inside}.`, {
          param: inside,
        });
      }
      try {
        merged = mergeSchemas(merged, checked(resolved, inside), effort);
      } catch (error) {
        if (!(error instanceof CannotMerge)) throw error;
        refuse(inside, `it cannot be combined with the rest, because of ${error.message}.`, 'unsupported_parameter');
      }
    }
    return merged;
  }

  function assertExclusive(list: readonly unknown[], place: string): void {
    const telling = { resolve: (part: unknown): unknown => resolve(part, place), effort };
    const overlap = list.some((left, at) => list.slice(at + 1).some((right) => !areDisjoint(left, right, telling)));
    if (!overlap) return;
    const why = 'its branches do not exclude each other by a type, a constant or a required property. Use anyOf.';
    refuse(place, why, 'unsupported_parameter');
  }

  function compileValues(values: readonly unknown[], others: JsonObject, place: string): Term {
    const types = typesOf(others);
    effort.spend(10 * values.length);
    if (values.length > MOST_VALUES) throw tooLarge(place, `it has more than ${MOST_VALUES} values`);
    for (const keyword of assertionsOf(others)) {
      if (keyword === 'type' || keyword === 'enum' || keyword === 'const') continue;
      refuse(place, `it stands beside "${keyword}". Leave "${keyword}" out.`, 'unsupported_parameter');
    }
    const listed = [others.enum, others.const === undefined ? undefined : [others.const]]
      .filter((list) => list !== undefined)
      .map((list) => new Set((list as unknown[]).map((value) => jsonKey(value, effort))));
    const isListed = (value: unknown): boolean => listed.every((keys) => keys.has(jsonKey(value, effort)));
    const isTyped = (value: unknown): boolean =>
      others.type === undefined || (types ?? []).some((type) => hasType(value, type));
    return terms.choice(values.filter((value) => isListed(value) && isTyped(value)).map(json.value));
  }

  function compileType(type: JsonType, part: JsonObject, place: string, depth: number): Term {
    switch (type) {
      case 'object':
        return shapes.object(part, place, depth);
      case 'array':
        return shapes.array(part, place, depth);
      case 'string':
        return compileString(part, place);
      case 'number':
      case 'integer':
        return compileNumber(type, part, place);
      case 'boolean':
        return terms.choice([json.text('true'), json.text('false')]);
      case 'null':
        return json.text('null');
    }
  }

  function compileString(part: JsonObject, place: string): Term {
    const least = countOf(part.minLength, 0);
    const most = countOf(part.maxLength, Number.POSITIVE_INFINITY);
    if (least > most) return terms.never;
    const keyword = part.pattern === undefined ? 'format' : 'pattern';
    const inside = `${place}.${keyword}`;
    if (part.pattern !== undefined && part.format !== undefined) {
      refuse(`${place}.format`, 'it stands beside "pattern". Leave one of them out.', 'unsupported_parameter');
    }
    const source = part.pattern ?? patternOfFormat(part.format, inside);
    if (source === null) return json.string(least, most);
    const pattern = readOrIgnore(String(source), inside);
    if (pattern === null) return json.string(least, most);
    if (pattern.least < least || pattern.most > most) {
      const why = `beside it, minLength and maxLength cannot be counted: it matches ${pattern.least} to ${pattern.most} characters. Say the length in a pattern, such as [a-z]{1,10}.`;
      refuse(inside, why, 'unsupported_parameter');
    }
    return terms.sequence(json.text('"'), pattern.toTerm(terms, json.characterOf), json.text('"'));
  }

  function readOrIgnore(source: string, place: string) {
    effort.spend(10 * source.length);
    try {
      return readPattern(source, place);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'unsupported_parameter') throw error;
      refuse(place, error.message, 'unsupported_parameter');
      return null;
    }
  }

  function patternOfFormat(format: unknown, place: string): string | null {
    if (format === undefined) return null;
    if (typeof format === 'string' && Object.hasOwn(FORMATS, format)) return FORMATS[format] ?? null;
    const why = `only the formats ${Object.keys(FORMATS).join(', ')} can be enforced. Leave it out.`;
    refuse(place, why, 'unsupported_parameter');
    return null;
  }

  function compileNumber(type: 'number' | 'integer', part: JsonObject, place: string): Term {
    const bound = (keyword: string): number | null => (part[keyword] as number | undefined) ?? null;
    const bounds = {
      integer: type === 'integer',
      minimum: bound('minimum'),
      maximum: bound('maximum'),
      exclusiveMinimum: bound('exclusiveMinimum'),
      exclusiveMaximum: bound('exclusiveMaximum'),
      multipleOf: bound('multipleOf'),
    };
    const { multipleOf } = bounds;
    if (part.format === 'int32') {
      bounds.minimum = Math.max(bounds.minimum ?? -INT32, -INT32);
      bounds.maximum = Math.min(bounds.maximum ?? INT32 - 1, INT32 - 1);
    }
    if (multipleOf !== null && !Number.isInteger(multipleOf)) {
      refuse(`${place}.multipleOf`, 'only whole numbers from 1 can be enforced.', 'unsupported_parameter');
      bounds.multipleOf = null;
    }
    const isFree = Object.values(bounds).every((value) => value === null || typeof value === 'boolean');
    if (isFree) return type === 'integer' ? json.integer : json.number;
    effort.spend(EFFORT_OF_NUMBER);
    const leaf = numberWithin(bounds);
    return leaf.cost === Number.POSITIVE_INFINITY ? terms.never : terms.leaf(leaf);
  }

  return compile(schema, options.param, 0);
}

function listIn(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function decodeStep(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return step;
  }
}

function dotted(pointer: string): string {
  return pointer.slice(1).split('/').map(decodeStep).join('.');
}

function tooLarge(place: string, why: string): Problem {
  return new Problem('invalid_value', `The schema cannot be followed at ${place.slice(0, 200)}: ${why}.`, {
    param: place.slice(0, 200),
  });
}
