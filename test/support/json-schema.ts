import { createRequire } from 'node:module';
import type { Ajv2020 } from 'ajv/dist/2020.js';

// Both are CommonJS, whose default exports TypeScript and Node see differently.
const load = createRequire(import.meta.url);
const Validator = load('ajv/dist/2020.js') as typeof Ajv2020;
const addFormats = load('ajv-formats') as (validator: Ajv2020) => void;

/** An independent judge: what is wrong with a value under a JSON Schema; `null` when it is valid. */
export function judgeOf(schema: unknown): (value: unknown) => string | null {
  const validator = new Validator({ strict: false, allErrors: true });
  addFormats(validator);
  const isValid = validator.compile(schema as object);
  return (value) => (isValid(value) ? null : validator.errorsText(isValid.errors));
}
