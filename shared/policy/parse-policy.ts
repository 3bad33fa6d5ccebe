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
  if (first?.keyword === 'enum') return `${place} must be one of ${first.params.allowedValues.join(', ')}`;
  return `${place} ${first?.message ?? 'is wrong'}`;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('invalid_setting', `The policy file ${path} is not JSON.`, { cause: error });
  }
}
