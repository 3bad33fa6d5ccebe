import type { FastifySchemaValidationError } from 'fastify/types/schema.js';
import { Problem } from '../../../shared/problems/problem.ts';
import { PLAIN_TEXT, PLAIN_TEXT_SENTENCE } from '../../../shared/protocol/plain-text.ts';
import { depthOf, dottedPath } from '../../../shared/registry/instance-path.ts';

/** Of a name that a client has made up. */
const NAME_SHOWN = 64;
const PATH_SHOWN = 512;

/**
 * Says which parameter is wrong and how. A union reports the failures of all its branches. What is wrong beside the type
 * comes from a branch whose type fits, and the deepest from the one that fits best: most likely the one that was meant.
 */
export function problemOfValidation(errors: FastifySchemaValidationError[], context: string): Problem {
  const [first] = errors;
  if (first === undefined) return new Problem('invalid_value', `The ${context} is not valid.`);
  const relevant = errors.filter(({ instancePath }) => instancePath.startsWith(first.instancePath));
  const fitting = relevant.filter(({ keyword }) => keyword !== 'type' && keyword !== 'anyOf');
  const candidates = fitting.length > 0 ? fitting : relevant;
  const deepest = candidates.reduce((best, error) => (depthOf(error) > depthOf(best) ? error : best));
  const path = dottedPath(deepest.instancePath);
  if (deepest.keyword === 'required') {
    const missing = String(deepest.params.missingProperty);
    const param = path === '' ? missing : `${path}.${missing}`;
    return new Problem('missing_required_parameter', `Missing required parameter: '${param}'.`, { param });
  }
  if (deepest.keyword === 'additionalProperties') {
    const unknown = String(deepest.params.additionalProperty).slice(0, NAME_SHOWN);
    const param = path === '' ? unknown : `${path}.${unknown}`;
    return unknownParameter(param);
  }
  if (path === '' && deepest.keyword === 'type') {
    return new Problem('invalid_value', `The ${context} must be a JSON object.`);
  }
  if (path === '') return new Problem('invalid_value', `The ${context} ${deepest.message ?? 'is not valid'}.`);
  return new Problem('invalid_value', `Invalid value for '${path}': it ${sentence(relevant, deepest)}.`, {
    param: path,
  });
}

export function unknownParameter(name: string): Problem {
  const param = name.slice(0, PATH_SHOWN);
  const sentence = `Unknown parameter: '${param}'. Leave it out, or look how it is spelled.`;
  return new Problem('invalid_value', sentence, { param });
}

/** All that is wanted at one place, such as "must be number or null". */
function sentence(errors: FastifySchemaValidationError[], at: FastifySchemaValidationError): string {
  const here = errors.filter((error) => error.instancePath === at.instancePath && error.keyword !== 'anyOf');
  const types = [
    ...new Set(here.filter((error) => error.keyword === 'type').map((error) => String(error.params.type))),
  ];
  const constants = here.filter((error) => error.keyword === 'const').map((error) => error.params.allowedValue);
  if (constants.length > 0) return `must be ${constants.map((value) => JSON.stringify(value)).join(' or ')}`;
  const others = [...new Set(here.filter((error) => error.keyword !== 'type').map(messageOf))];
  // Where a value has the right type, the other branches' types only confuse.
  if (others.length > 0) return others.join(' and ');
  return types.length > 0 ? `must be ${types.join(' or ')}` : 'is not valid';
}

/** A pattern of our own alphabet says nothing to most people. */
function messageOf({ params, message = '' }: FastifySchemaValidationError): string {
  return String(params.pattern) === PLAIN_TEXT ? PLAIN_TEXT_SENTENCE : message;
}
