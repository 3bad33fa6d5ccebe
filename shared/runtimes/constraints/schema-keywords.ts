import { isJsonObject, type JsonObject } from '../transformers/model-files.ts';

export type JsonType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
export const JSON_TYPES: readonly JsonType[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

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

/** Keywords that are enforced, with the type of value that each is about; `null` for those about any. */
const ENFORCED: Readonly<Record<string, JsonType | null>> = {
  $ref: null,
  allOf: null,
  anyOf: null,
  oneOf: null,
  const: null,
  enum: null,
  type: null,
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  unevaluatedProperties: 'object',
  minProperties: 'object',
  maxProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  uniqueItems: 'array',
  minLength: 'string',
  maxLength: 'string',
  pattern: 'string',
  format: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
};

export function isAnnotation(keyword: string): boolean {
  return ANNOTATIONS.has(keyword) || keyword.startsWith('x-');
}

export function isEnforced(keyword: string): boolean {
  return Object.hasOwn(ENFORCED, keyword);
}

/** The schema's keywords that decide which values are valid. */
export function assertionsOf(schema: JsonObject): string[] {
  return Object.keys(schema).filter((keyword) => !isAnnotation(keyword));
}

/** The types a schema's values may have: those it names, else those its keywords are about, else `null` for any. */
export function typesOf(schema: JsonObject): readonly JsonType[] | null {
  const { type } = schema;
  if (type !== undefined) return (Array.isArray(type) ? type : [type]) as JsonType[];
  const implied = new Set(Object.keys(schema).map((keyword) => ENFORCED[keyword] ?? null));
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

export function sameJson(left: unknown, right: unknown): boolean {
  return canonical(left) === canonical(right);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isJsonObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
