import { isJsonObject, type JsonObject } from '../transformers/model-files.ts';
import { assertionsOf, type Effort, hasType, inOwnWords, type JsonType, jsonKey, sameJson } from './schema-keywords.ts';

/** Why two schemas cannot be written as one. */
export class CannotMerge extends Error {}

type Merge = (left: never, right: never, effort: Effort) => unknown;

const larger = (left: number, right: number): number => Math.max(left, right);
const smaller = (left: number, right: number): number => Math.min(left, right);

const MERGES: Readonly<Record<string, Merge>> = {
  minimum: larger,
  exclusiveMinimum: larger,
  minLength: larger,
  minItems: larger,
  minProperties: larger,
  maximum: smaller,
  exclusiveMaximum: smaller,
  maxLength: smaller,
  maxItems: smaller,
  maxProperties: smaller,
  required: (left: string[], right: string[]) => [...new Set([...left, ...right])],
  enum: sharedValues,
  type: (left: JsonType | JsonType[], right: JsonType | JsonType[]) => bothTypes([left].flat(), [right].flat()),
};

/** One schema for the values that are valid under both, which hold no `$ref` on their top level. */
export function mergeSchemas(left: JsonObject, right: JsonObject, effort: Effort): JsonObject {
  const result: Record<string, unknown> = { ...left };
  for (const keyword of assertionsOf(right)) {
    const [mine, theirs] = [left[keyword], right[keyword]];
    if (mine === undefined || mine === theirs) result[keyword] = theirs;
    else if (keyword === 'allOf') result.allOf = joined(mine as unknown[], theirs as unknown[], effort);
    else if (keyword === 'items') result.items = { allOf: [mine, theirs] };
    else if (keyword === 'properties' || keyword === 'additionalProperties') continue;
    else if (MERGES[keyword] !== undefined) result[keyword] = MERGES[keyword](mine as never, theirs as never, effort);
    else if (!sameJson(mine, theirs, effort)) throw new CannotMerge(`two different values of "${keyword}"`);
  }
  return { ...result, ...mergedMembers(left, right, effort) };
}

/** References that double with every step are stopped by what copying them costs. */
function joined(left: readonly unknown[], right: readonly unknown[], effort: Effort): unknown[] {
  effort.spend(10 * (left.length + right.length));
  return [...left, ...right];
}

function bothTypes(left: readonly JsonType[], right: readonly JsonType[]): JsonType[] {
  return left.flatMap((type) => {
    if (right.includes(type)) return [type];
    if (type === 'number' && right.includes('integer')) return ['integer' as const];
    return type === 'integer' && right.includes('number') ? [type] : [];
  });
}

/** Properties that both know must suit both; those that one knows and the other forbids are gone. */
function mergedMembers(left: JsonObject, right: JsonObject, effort: Effort): JsonObject {
  const [mine, theirs] = [membersOf(left), membersOf(right)];
  if (mine === null && theirs === null) return {};
  const properties: Record<string, unknown> = {};
  const names = new Set([...Object.keys(mine ?? {}), ...Object.keys(theirs ?? {})]);
  effort.spend(names.size);
  for (const name of names) {
    const parts = [memberOf(left, mine, name), memberOf(right, theirs, name)].filter((part) => part !== true);
    properties[name] = parts.includes(false) ? false : parts.length === 1 ? parts[0] : { allOf: parts };
  }
  const others = [left.additionalProperties ?? true, right.additionalProperties ?? true];
  const [only] = others.filter((other) => other !== true);
  if (others.every((other) => other !== true && other !== false)) throw new CannotMerge('two "additionalProperties"');
  const isAsked = left.additionalProperties !== undefined || right.additionalProperties !== undefined;
  const rest = others.includes(false) ? false : (only ?? true);
  return { properties, ...(isAsked ? { additionalProperties: rest } : {}) };
}

function membersOf(schema: JsonObject): JsonObject | null {
  if (isJsonObject(schema.properties)) return schema.properties;
  return schema.additionalProperties === undefined ? null : {};
}

function memberOf(schema: JsonObject, members: JsonObject | null, name: string): unknown {
  if (members !== null && Object.hasOwn(members, name)) return members[name];
  return schema.additionalProperties ?? true;
}

function sharedValues(left: unknown[], right: unknown[], effort: Effort): unknown[] {
  const keys = new Set(right.map((value) => jsonKey(value, effort)));
  return left.filter((value) => keys.has(jsonKey(value, effort)));
}

export type DisjointOptions = { resolve: (schema: unknown) => unknown; effort: Effort };

/** Nobody writes branches that are alike so far down. */
const DEEPEST = 8;

/** Whether surely no value is valid under both; `resolve` follows a `$ref` on top. */
export function areDisjoint(left: unknown, right: unknown, options: DisjointOptions, depth = 0): boolean {
  const { resolve, effort } = options;
  effort.spend(10);
  const [a, b] = [resolve(left), resolve(right)];
  if (a === false || b === false) return true;
  if (!isJsonObject(a) || !isJsonObject(b) || depth > DEEPEST) return false;
  const [listA, listB] = [listOf(a), listOf(b)];
  if (listA !== null && listB !== null) return sharedValues(listA, listB, effort).length === 0;
  const [typesA, typesB] = [declaredTypes(inOwnWords(a)), declaredTypes(inOwnWords(b))];
  if (listA !== null) return typesB !== null && !listA.some((value) => typesB.some((type) => hasType(value, type)));
  if (listB !== null) return typesA !== null && !listB.some((value) => typesA.some((type) => hasType(value, type)));
  if (typesA === null || typesB === null) return false;
  if (bothTypes(typesA, typesB).length === 0) return true;
  const areObjects = typesA.every((type) => type === 'object') && typesB.every((type) => type === 'object');
  return areObjects && haveDisjointMembers(a, b, options, depth);
}

/** Whether there is a member that both require, or one requires and the other forbids, and that cannot suit both. */
function haveDisjointMembers(a: JsonObject, b: JsonObject, options: DisjointOptions, depth: number): boolean {
  const [membersA, membersB] = [membersOf(a), membersOf(b)];
  const [requiredA, requiredB] = [new Set(requiredOf(a)), new Set(requiredOf(b))];
  return [...new Set([...requiredA, ...requiredB])].some((name) => {
    options.effort.spend(10);
    const [inA, inB] = [memberOf(a, membersA, name), memberOf(b, membersB, name)];
    if (inA === false || inB === false) return true;
    return requiredA.has(name) && requiredB.has(name) && areDisjoint(inA, inB, options, depth + 1);
  });
}

const requiredOf = (schema: JsonObject): string[] => (Array.isArray(schema.required) ? schema.required : []);

function listOf(schema: JsonObject): unknown[] | null {
  if (schema.const !== undefined) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : null;
}

function declaredTypes(schema: JsonObject): JsonType[] | null {
  return schema.type === undefined ? null : ([schema.type].flat() as JsonType[]);
}
