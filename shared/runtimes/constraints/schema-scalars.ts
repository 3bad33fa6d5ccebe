import { Problem } from '../../problems/problem.ts';
import type { JsonObject } from '../transformers/model-files.ts';
import { bothPatterns } from './both-patterns.ts';
import { numberWithin } from './decimal.ts';
import { FORMATS, isStandard } from './formats.ts';
import { type Pattern, readPattern } from './pattern.ts';
import { assertionsOf, hasType, jsonKey, typesOf } from './schema-keywords.ts';
import { countOf, type ShapeTools } from './schema-shapes.ts';
import type { Term } from './terms.ts';

/** What working out which digits can begin a number is like. */
const EFFORT_OF_NUMBER = 1_000;
const MOST_VALUES = 2_000;
const INT32 = 2 ** 31;

/** Compiles values that are listed, strings and numbers. */
export function createScalars({ terms, json, refuse, effort }: Omit<ShapeTools, 'compile'>) {
  /** `others` stand beside the list, and hold no list of their own: at most one value. */
  function values(listed: readonly unknown[], others: JsonObject, place: string): Term {
    const types = typesOf(others);
    effort.spend(10 * listed.length);
    if (listed.length > MOST_VALUES) refuse(place, `it has more than ${MOST_VALUES} values.`, 'invalid_value');
    for (const keyword of assertionsOf(others)) {
      if (keyword === 'type' || keyword === 'const') continue;
      refuse(place, `it stands beside "${keyword}". Leave "${keyword}" out.`, 'unsupported_parameter');
    }
    const only = others.const === undefined ? null : jsonKey(others.const, effort);
    const isMeant = (value: unknown): boolean => only === null || jsonKey(value, effort) === only;
    const isTyped = (value: unknown): boolean =>
      others.type === undefined || (types ?? []).some((type) => hasType(value, type));
    return terms.choice(listed.filter((value) => isMeant(value) && isTyped(value)).map(json.value));
  }

  function string(part: JsonObject, place: string): Term {
    const least = countOf(part.minLength, 0);
    const most = countOf(part.maxLength, Number.POSITIVE_INFINITY);
    if (least > most) return terms.never;
    const keyword = part.pattern === undefined ? 'format' : 'pattern';
    const inside = `${place}.${keyword}`;
    const format = isStandard(part.format) || part.pattern === undefined ? part.format : undefined;
    const ofFormat = patternOfFormat(format, `${place}.format`);
    const source = part.pattern ?? ofFormat;
    if (source === null) return json.string(least, most);
    const pattern = readOrIgnore(String(source), inside);
    if (pattern === null) return json.string(least, most);
    if (pattern.least < least || pattern.most > most) {
      const why = `beside it, minLength and maxLength cannot be counted: it matches ${pattern.least} to ${pattern.most} characters. Say the length in a pattern, such as [a-z]{1,10}.`;
      refuse(inside, why, 'unsupported_parameter');
    }
    const text = part.pattern === undefined || ofFormat === null ? null : both(String(source), ofFormat, place);
    return terms.sequence(json.text('"'), text ?? pattern.toTerm(terms, json.characterOf), json.text('"'));
  }

  /** A pattern, and that of a format beside it, of which a part alone is written here; null where they cannot be had together. */
  function both(pattern: string, ofFormat: string, place: string): Term | null {
    try {
      const term = bothPatterns(pattern, ofFormat, { param: place, terms, effort });
      if (term !== terms.never) return term;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
    const why = 'it cannot be followed together with "pattern". Leave one of them out.';
    refuse(`${place}.format`, why, 'unsupported_parameter');
    return null;
  }

  function readOrIgnore(source: string, place: string): Pattern | null {
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

  function number(type: 'number' | 'integer', part: JsonObject, place: string): Term {
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

  return { values, string, number };
}
