import type { TLocalizedValidationError } from 'typebox/error';
import { validatorOf } from '../protocol/validator.ts';
import { depthOf, dottedPath } from './instance-path.ts';
import type { JsonSchema } from './json-schema.ts';

/** What is wrong with a value: where, as a dotted path that is empty for the whole, and a sentence about it. */
export type ValueFault = { readonly path: string; readonly isMissing: boolean; readonly sentence: string };

/** Tells what is wrong with a value under one schema; undefined when nothing is. */
export type SchemaCheck = (value: unknown) => ValueFault | undefined;

/** Compiles a schema that `faultOfSchema` found right, when it is first asked: most services never are, and a compiled schema costs more than its text. */
export function compileSchema(schema: JsonSchema): SchemaCheck {
  const validator = validatorOf(schema);
  return (value) => (validator.Check(value) ? undefined : faultOf(validator.Errors(value)));
}

/** Told by others, of which each is told by itself: alternatives, and the `false` behind a member that is too many. */
const ECHOES = new Set(['anyOf', 'oneOf', 'boolean']);

/**
 * Of the failures of all branches the deepest of those beside the type: most likely the branch that was meant. The
 * value itself is never repeated, since it may be a prompt.
 */
function faultOf(errors: readonly TLocalizedValidationError[]): ValueFault {
  const own = errors.filter(({ keyword }) => !ECHOES.has(keyword));
  const fitting = own.filter(({ keyword }) => keyword !== 'type');
  const candidates = fitting.length > 0 ? fitting : own.length > 0 ? own : errors;
  const [first, ...others] = candidates;
  if (first === undefined) return { path: '', isMissing: false, sentence: 'The value is not valid.' };
  const at = others.reduce((best, error) => (depthOf(error) > depthOf(best) ? error : best), first);
  return describe(
    at,
    candidates.filter(({ instancePath }) => instancePath === at.instancePath),
  );
}

function describe(at: TLocalizedValidationError, here: readonly TLocalizedValidationError[]): ValueFault {
  const path = dottedPath(at.instancePath);
  if (at.keyword === 'required') {
    // Several are alternatives, such as a prompt or messages.
    const missing = here.flatMap((error) =>
      error.keyword === 'required' ? error.params.requiredProperties.slice(0, 1) : [],
    );
    const names = [...new Set(missing)].map((name) => join(path, name));
    const sentence = `Missing required parameter: ${names.map((name) => `'${name}'`).join(' or ')}.`;
    return { path: names[0] ?? path, isMissing: true, sentence };
  }
  if (at.keyword === 'additionalProperties') {
    const [unknown = ''] = at.params.additionalProperties;
    const name = join(path, unknown.slice(0, 64));
    return { path: name, isMissing: false, sentence: `'${name}' is not known here. Leave it out.` };
  }
  const wants = [...new Set(here.map(wishOf))].join(' or ');
  return {
    path,
    isMissing: false,
    sentence: path === '' ? `It ${wants}.` : `Invalid value for '${path}': it ${wants}.`,
  };
}

function wishOf(error: TLocalizedValidationError): string {
  if (error.keyword !== 'enum') return error.message;
  return `must be one of ${error.params.allowedValues.map((value) => JSON.stringify(value)).join(', ')}`;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
