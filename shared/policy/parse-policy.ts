import { Value } from 'typebox/value';
import { Problem } from '../problems/problem.ts';
import { NodePolicy } from './node-policy.ts';

/** Reads the text of a policy file. Errors: `invalid_setting` with the file and the place in it. */
export function parsePolicy(text: string, path: string): NodePolicy {
  const value = parseJson(text, path);
  const fault = policyFault(value);
  if (fault === undefined) return value as NodePolicy;
  throw new Problem('invalid_setting', `${path}: ${fault}.`);
}

/** What is wrong with a policy, beginning with the place; undefined when nothing is. Never repeats a value. */
export function policyFault(value: unknown): string | undefined {
  if (Value.Check(NodePolicy, value)) return undefined;
  const [first] = Value.Errors(NodePolicy, value);
  const place = first?.instancePath.slice(1).replaceAll('/', '.') || 'the policy';
  if (place.startsWith('hours.')) return `${place} must be days and times, such as "mon-fri 18:00-08:00"`;
  // How the schema says that nothing may be there at all.
  if (first?.keyword === 'boolean') return `${place} is not known`;
  if (first?.keyword === 'type') return `${place} must be ${kindOf(first.params.type)}`;
  if (first?.keyword === 'enum') return `${place} must be one of ${first.params.allowedValues.join(', ')}`;
  return `${place} ${first?.message ?? 'is wrong'}`;
}

/** As a person calls what JSON Schema has these names for. */
const KINDS: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  boolean: 'true or false',
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  null: 'null',
};

function kindOf(type: string | string[]): string {
  return [type]
    .flat()
    .map((name) => KINDS[name] ?? name)
    .join(' or ');
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem(
      'invalid_setting',
      `The policy file ${path} is not JSON, or was not written to its end. Correct it.`,
      { cause: error },
    );
  }
}
