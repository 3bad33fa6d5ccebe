import Format from 'typebox/format';

/** A JSON Schema (2020-12) of the keywords below. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What is wrong, and where: a dotted path that is empty for the whole. */
export type Fault = { readonly path: string; readonly sentence: string };

/** Deep enough for any document; a deeper schema would overflow stacks. */
const DEEPEST = 32;
const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];
const DEFINITION = /^#\/\$defs\/([A-Za-z0-9_.-]+)$/;

type Look = { readonly depth: number; readonly definitions: ReadonlySet<string> };
type Check = (value: unknown, path: string, look: Look) => Fault | undefined;

/**
 * What is wrong with a schema; undefined when nothing is. Stricter than the standard, where a mistyped keyword means
 * nothing: a service that checks less than its author believes would be worse than one that is refused.
 */
export function faultOfSchema(schema: unknown, path: string): Fault | undefined {
  const definitions = isObject(schema) && isObject(schema.$defs) ? schema.$defs : {};
  const look = { depth: 0, definitions: new Set(Object.keys(definitions)) };
  return subschema(schema, path, look) ?? faultOfCycle(definitions, path);
}

const subschema: Check = (schema, path, look) => {
  if (look.depth > DEEPEST) return wrong(path, `is nested more than ${DEEPEST} levels deep`);
  if (!isObject(schema)) return wrong(path, 'must be a JSON Schema, which is an object');
  const deeper = { ...look, depth: look.depth + 1 };
  for (const [keyword, value] of Object.entries(schema)) {
    const check = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
    const place = `${path}.${keyword}`;
    if (check === undefined) return wrong(place, 'is no keyword that this registry knows');
    const fault = check(value, place, deeper);
    if (fault !== undefined) return fault;
  }
  return undefined;
};

const anything: Check = () => undefined;
const text: Check = (value, path) => (typeof value === 'string' ? undefined : wrong(path, 'must be a string'));
const flag: Check = (value, path) => (typeof value === 'boolean' ? undefined : wrong(path, 'must be true or false'));
const number: Check = (value, path) => (Number.isFinite(value) ? undefined : wrong(path, 'must be a number'));
const list: Check = (value, path) => (Array.isArray(value) ? undefined : wrong(path, 'must be a list'));
const count: Check = (value, path) =>
  Number.isInteger(value) && Number(value) >= 0 ? undefined : wrong(path, 'must be a whole number from 0');
const step: Check = (value, path) =>
  Number.isFinite(value) && Number(value) > 0 ? undefined : wrong(path, 'must be a number above 0');
const names: Check = (value, path) =>
  Array.isArray(value) && value.every((name) => typeof name === 'string')
    ? undefined
    : wrong(path, 'must be a list of names');
const types: Check = (value, path) =>
  [value].flat().every((type) => TYPES.includes(type as string))
    ? undefined
    : wrong(path, `must be of ${TYPES.join(', ')}`);
const format: Check = (value, path) =>
  typeof value === 'string' && Format.Has(value) ? undefined : wrong(path, 'is no format that this registry checks');

const pattern: Check = (value, path) => {
  if (typeof value !== 'string') return wrong(path, 'must be a regular expression');
  try {
    new RegExp(value, 'u');
    return undefined;
  } catch {
    return wrong(path, 'is no regular expression');
  }
};

const schemaOrFlag: Check = (value, path, look) =>
  typeof value === 'boolean' ? undefined : subschema(value, path, look);

const schemas: Check = (value, path, look) => {
  if (!Array.isArray(value) || value.length === 0) return wrong(path, 'must be a list of schemas');
  return first(value.map((item, index) => subschema(item, `${path}.${index}`, look)));
};

const namedSchemas: Check = (value, path, look) => {
  if (!isObject(value)) return wrong(path, 'must be an object of schemas');
  return first(Object.entries(value).map(([name, item]) => subschema(item, `${path}.${name}`, look)));
};

const patternSchemas: Check = (value, path, look) => {
  if (!isObject(value)) return wrong(path, 'must be an object of schemas');
  return (
    first(Object.keys(value).map((name) => pattern(name, `${path}.${name}`, look))) ?? namedSchemas(value, path, look)
  );
};

const reference: Check = (value, path, { definitions }) => {
  const name = typeof value === 'string' ? DEFINITION.exec(value)?.[1] : undefined;
  if (name === undefined) return wrong(path, 'must be of the form #/$defs/NAME');
  return definitions.has(name) ? undefined : wrong(path, `names ${JSON.stringify(name)}, which is not in $defs`);
};

const KEYWORDS: Readonly<Record<string, Check>> = {
  $schema: text,
  $defs: (value, path, look) =>
    look.depth > 1 ? wrong(path, 'belongs to the top of the schema') : namedSchemas(value, path, look),
  $ref: reference,
  title: text,
  description: text,
  default: anything,
  examples: list,
  deprecated: flag,
  contentEncoding: text,
  contentMediaType: text,
  type: types,
  enum: list,
  const: anything,
  anyOf: schemas,
  oneOf: schemas,
  allOf: schemas,
  not: subschema,
  properties: namedSchemas,
  patternProperties: patternSchemas,
  additionalProperties: schemaOrFlag,
  propertyNames: subschema,
  required: names,
  minProperties: count,
  maxProperties: count,
  items: schemaOrFlag,
  prefixItems: schemas,
  minItems: count,
  maxItems: count,
  uniqueItems: flag,
  minLength: count,
  maxLength: count,
  pattern,
  format,
  minimum: number,
  maximum: number,
  exclusiveMinimum: number,
  exclusiveMaximum: number,
  multipleOf: step,
};

/** A schema that holds itself would check for ever, or overflow the stack. */
function faultOfCycle(definitions: JsonSchema, path: string): Fault | undefined {
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]): Fault | undefined => {
    const place = `${path}.$defs.${name}`;
    if (above.includes(name)) return wrong(place, 'must not refer to itself');
    if (done.has(name)) return undefined;
    const fault = first(referencesIn(definitions[name]).map((next) => visit(next, [...above, name])));
    done.add(name);
    return fault;
  };
  return first(Object.keys(definitions).map((name) => visit(name, [])));
}

function referencesIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => {
    const name = key === '$ref' && typeof value === 'string' ? DEFINITION.exec(value)?.[1] : undefined;
    return name === undefined ? referencesIn(value) : [name];
  });
}

export function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function first(faults: readonly (Fault | undefined)[]): Fault | undefined {
  return faults.find((fault) => fault !== undefined);
}

function wrong(path: string, what: string): Fault {
  return { path, sentence: `${path} ${what}.` };
}
