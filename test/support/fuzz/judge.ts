import { Compile, type Validator } from 'typebox/compile';
import { ErrorResponse } from '../../../shared/api/errors.ts';
import { AnthropicError } from '../../../shared/api/messages.ts';
import { PROBLEMS } from '../../../shared/problems/table.ts';
import type { Operation } from './operations.ts';
import type { FuzzAnswer } from './send.ts';

/**
 * What a relay with nodes that work may answer above 499 where its document says that it may: nobody serves the model,
 * or can run the service; the model failed, as some here always do; the pages were not built;
 * the node was revoked.
 */
const DECLARED = new Set([
  'no_capacity',
  'service_not_runnable',
  'node_fault',
  'node_busy',
  'policy_refused',
  'job_timeout',
  'pages_missing',
  'node_lost',
]);
const errorShape = Compile(ErrorResponse);
const anthropicShape = Compile(AnthropicError);

/** Says what is wrong with an answer; undefined when nothing is. */
export type Judge = (asked: { operation: Operation; method: string }, answer: FuzzAnswer) => string | undefined;

export function createJudge(): Judge {
  const shapes = new Map<object, Validator>();
  const shapeOf = (schema: object): Validator => {
    const shape = shapes.get(schema) ?? (Compile(schema) as Validator);
    shapes.set(schema, shape);
    return shape;
  };
  const wrongSuccess = ({ path, responses }: Operation, { status, headers, body }: Answered): string | undefined => {
    // A file is of whatever type its owner gave it.
    if (path.endsWith('/content')) return undefined;
    const type = String(headers['content-type'] ?? '');
    if (!type.startsWith('application/json')) return undefined;
    const schema = responses[String(status)]?.content?.['application/json']?.schema;
    if (schema === undefined) return `${status} is not documented`;
    const answer = jsonOf(body);
    return shapeOf(schema).Check(answer) ? undefined : `not as documented: ${body.slice(0, 300)}`;
  };
  return ({ operation, method }, answer) => {
    if (answer.is === 'hung') return 'no answer';
    if (answer.is === 'cut') return `cut: ${answer.error}`;
    if (answer.is === 'left') return undefined;
    if (method === 'HEAD' || answer.status === 204 || answer.status === 304) return undefined;
    const ownShape = operation.responses[String(answer.status)]?.content?.['application/json']?.schema;
    if (ownShape !== undefined && shapeOf(ownShape).Check(jsonOf(answer.body))) return undefined;
    if (answer.status < 400) return method === operation.method ? wrongSuccess(operation, answer) : undefined;
    return wrongError(operation, answer);
  };
}

type Answered = Extract<FuzzAnswer, { is: 'answer' }>;

function wrongError({ path, responses }: Operation, { status, headers, body }: Answered): string | undefined {
  const document = jsonOf(body);
  // The protocol has a form of its own for its errors.
  if (path === '/mcp' && (document as { jsonrpc?: unknown } | undefined)?.jsonrpc === '2.0' && status < 500)
    return undefined;
  const says = `${status} ${body.slice(0, 400)}`;
  const told = toldIn(document, path);
  if (told === undefined) return `not the shape of an error: ${says}`;
  const { code, id, detail, type } = told;
  const row = PROBLEMS[code as keyof typeof PROBLEMS] as { status: number } | undefined;
  if (row?.status !== status || told.status !== status) return `not a code of the table: ${says}`;
  if (id === undefined || id !== headers['x-request-id']) return `without its request id: ${says}`;
  if (!String(headers['content-type']).startsWith(type)) return `not told as ${type}: ${says}`;
  if (detail === '' || detail.length > 2_000) return `says nothing, or too much: ${says}`;
  if (status < 500) return undefined;
  const isDeclared = (responses['5XX'] ?? responses[String(status)]) !== undefined && DECLARED.has(code);
  return isDeclared ? undefined : `not a declared fault: ${says}`;
}

type Told = { code: string; status: number; id: string | undefined; detail: string; type: string };

/** What an error says in the form of its route; undefined for any other. */
function toldIn(document: unknown, path: string): Told | undefined {
  if (path.startsWith('/v1/messages') && anthropicShape.Check(document)) {
    const { message, details } = document.error;
    const { status } = PROBLEMS[details.error_code as keyof typeof PROBLEMS] ?? { status: 0 };
    return { code: details.error_code, status, id: document.request_id, detail: message, type: 'application/json' };
  }
  if (!errorShape.Check(document)) return undefined;
  const { code, status, request_id: id, detail } = document;
  return { code, status, id, detail, type: 'application/problem+json' };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
