import { isObject, type JsonSchema } from './json-schema.ts';

const PLACEHOLDER = /\{([a-z][a-z0-9_]*)\}/g;

/** The members of the input that a text of a template names. Other braces are text. */
export function placeholdersOf(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
}

/** Puts the input into a text, in one pass, so that what a client sends is never read as a template itself. */
export function fillTemplate(text: string, input: JsonSchema): string {
  return text.replace(PLACEHOLDER, (_whole, name: string) =>
    textOf(Object.hasOwn(input, name) ? input[name] : undefined),
  );
}

/** The input with the `default` of each property of the schema that is absent or null. */
export function withDefaults(input: JsonSchema, { properties }: JsonSchema): JsonSchema {
  const filled: Record<string, unknown> = { ...input };
  for (const [name, property] of Object.entries(isObject(properties) ? properties : {})) {
    if (filled[name] == null && isObject(property) && property.default !== undefined) filled[name] = property.default;
  }
  return filled;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(', ');
  return JSON.stringify(value);
}
