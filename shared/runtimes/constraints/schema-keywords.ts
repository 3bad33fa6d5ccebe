import { isJsonObject, type JsonObject } from '../transformers/model-files.ts';

export type JsonType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
const JSON_TYPES: readonly JsonType[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** Keywords that say nothing about which values are valid. */
const ANNOTATIONS = new Set([
  '$schema',
  '$id',
  '$comment',
  '$defs',
  '$vocabulary',
  'definitions',
  'title',
  'description',
  'default',
  'example',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  'discriminator',
  'strict',
]);

type Shape = readonly [isRight: (value: unknown) => boolean, words: string];

const isSchema = (value: unknown): boolean => typeof value === 'boolean' || isJsonObject(value);
const isText = (value: unknown): boolean => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isType = (value: unknown): boolean => JSON_TYPES.includes(value as JsonType);
const isList = (value: unknown): value is unknown[] => Array.isArray(value);

const SCHEMA: Shape = [isSchema, 'a schema: an object, true or false'];
const SCHEMAS: Shape = [
  (value) => isList(value) && value.length > 0 && value.every(isSchema),
  'a list of schemas with at least one',
];
const COUNT: Shape = [isCount, 'a whole number from 0'];
const NUMBER: Shape = [(value) => typeof value === 'number' && Number.isFinite(value), 'a number'];
const TEXT: Shape = [isText, 'a string'];
const TRUE_OR_FALSE: Shape = [(value) => typeof value === 'boolean', 'true or false'];

/** Keywords that are enforced, with the type of value that each is about, `null` for any, and what it must be itself. */
const ENFORCED: Readonly<Record<string, readonly [about: JsonType | null, shape: Shape]>> = {
  $ref: [null, TEXT],
  allOf: [null, SCHEMAS],
  anyOf: [null, SCHEMAS],
  oneOf: [null, SCHEMAS],
  const: [null, [() => true, 'any value']],
  enum: [null, [(value) => isList(value) && value.length > 0, 'a list with at least one value']],
  type: [
    null,
    [
      (value) => isType(value) || (isList(value) && value.length > 0 && value.every(isType)),
      `one of ${JSON_TYPES.join(', ')}, or a list of them`,
    ],
  ],
  nullable: [null, TRUE_OR_FALSE],
  properties: [
    'object',
    [(value) => isJsonObject(value) && Object.values(value).every(isSchema), 'an object of schemas'],
  ],
  required: ['object', [(value) => isList(value) && value.every(isText), 'a list of names']],
  additionalProperties: ['object', SCHEMA],
  unevaluatedProperties: ['object', SCHEMA],
  minProperties: ['object', COUNT],
  maxProperties: ['object', COUNT],
  items: ['array', [isSchema, 'a schema: the list of schemas by place is called prefixItems']],
  prefixItems: ['array', SCHEMAS],
  minItems: ['array', COUNT],
  maxItems: ['array', COUNT],
  uniqueItems: ['array', TRUE_OR_FALSE],
  min_items: ['array', COUNT],
  max_items: ['array', COUNT],
  minLength: ['string', COUNT],
  maxLength: ['string', COUNT],
  pattern: ['string', TEXT],
  format: ['string', TEXT],
  minimum: ['number', NUMBER],
  maximum: ['number', NUMBER],
  exclusiveMinimum: ['number', NUMBER],
  exclusiveMaximum: ['number', NUMBER],
  multipleOf: ['number', [(value) => typeof value === 'number' && value > 0, 'a number above 0']],
};

function isAnnotation(keyword: string): boolean {
  return ANNOTATIONS.has(keyword) || keyword.startsWith('x-');
}

export function isEnforced(keyword: string): boolean {
  return Object.hasOwn(ENFORCED, keyword);
}

/** What the value of an enforced keyword must be, in words; `null` when it is. */
export function wrongShape(keyword: string, value: unknown): string | null {
  const shape = ENFORCED[keyword]?.[1];
  return shape === undefined || shape[0](value) ? null : shape[1];
}

/** The schema's keywords that decide which values are valid. */
export function assertionsOf(schema: JsonObject): string[] {
  return Object.keys(schema).filter((keyword) => !isAnnotation(keyword) && !isTrueOfAll(keyword, schema[keyword]));
}

/** Names of members are strings always; zod 4 says so for each of its records. */
function isTrueOfAll(keyword: string, value: unknown): boolean {
  if (keyword !== 'propertyNames') return false;
  return (
    value === true ||
    (isJsonObject(value) && assertionsOf(value).every((inner) => inner === 'type' && value.type === 'string'))
  );
}

/** Pydantic's own words, which some write into schemas as they are (browser-use does), where OpenAI takes them. */
const PYDANTIC = { min_items: 'minItems', max_items: 'maxItems' } as const;

/**
 * The schema in the words of JSON Schema: what Pydantic calls otherwise, and `nullable`; `{ type: 'string', nullable: true }`
 * is what OpenAPI 3.0 writes, and OpenAI's client for JavaScript makes of zod 3's `z.string().nullable()`.
 */
export function inOwnWords(schema: JsonObject): JsonObject {
  const said: Record<string, unknown> = { ...schema };
  for (const [word, keyword] of Object.entries(PYDANTIC)) {
    if (typeof said[word] !== 'number') continue;
    said[keyword] ??= said[word];
    delete said[word];
  }
  if (typeof schema.nullable === 'boolean') delete said.nullable;
  if (schema.nullable === true && said.type !== undefined) said.type = [...new Set([said.type, 'null'].flat())];
  return said;
}

/** The types a schema's values may have: those it names, else those its keywords are about, else `null` for any. */
export function typesOf(schema: JsonObject): readonly JsonType[] | null {
  const { type } = schema;
  if (type !== undefined) return (Array.isArray(type) ? type : [type]) as JsonType[];
  const implied = new Set(Object.keys(schema).map((keyword) => ENFORCED[keyword]?.[0] ?? null));
  implied.delete(null);
  return implied.size === 0 ? null : ([...implied] as JsonType[]);
}

export function hasType(value: unknown, type: JsonType): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isJsonObject(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** Counts what the reading of a schema costs, and throws when it is too much: schemas come from strangers. */
export type Effort = { spend(amount: number): void };

export function sameJson(left: unknown, right: unknown, effort: Effort): boolean {
  return jsonKey(left, effort) === jsonKey(right, effort);
}

/** The same text for values that are the same in JSON. */
export function jsonKey(value: unknown, effort: Effort): string {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    isJsonObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
  effort.spend(text.length);
  return text;
}
