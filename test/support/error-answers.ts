import assert from 'node:assert/strict';
import { Value } from 'typebox/value';
import { ErrorResponse } from '../../shared/api/errors.ts';
import { AnthropicError } from '../../shared/api/messages.ts';
import { PROBLEMS, type ProblemCode } from '../../shared/problems/table.ts';

export type ErrorAnswer = { status: number; headers: Headers; body: string };
export type ExpectedError = { code: ProblemCode; param?: string | null; message?: RegExp };

/** Names of the framework, stack traces, and paths of this machine. */
const INSIDES = /FST_|\bat .*\(?(node:|file:|\/).*:\d+:\d+|node_modules|\.ts:\d+|\/(work|home|tmp|root|var|usr|opt)\//;

export async function readError(response: Response): Promise<ErrorAnswer> {
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** Checks the shape of errors, and that nothing of the relay's inside is in it. Returns OpenAI's part. */
export function assertError(answer: ErrorAnswer, expected: ExpectedError) {
  const { code } = expected;
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, answer.body);
  assertClean(answer.body);
  const body: unknown = JSON.parse(answer.body);
  assert.ok(Value.Check(ErrorResponse, body), answer.body);
  assert.equal(body.error.code, code, answer.body);
  assert.equal(answer.status, PROBLEMS[code].status);
  assert.deepEqual(
    [body.status, body.code, body.title, body.error.type, body.error.message],
    [answer.status, code, PROBLEMS[code].title, PROBLEMS[code].type, body.detail],
  );
  assertHeaders(answer, code, body.request_id);
  if (expected.param !== undefined) assert.equal(body.error.param, expected.param, answer.body);
  if (expected.message !== undefined) assert.match(body.error.message, expected.message);
  return body.error;
}

/** The same of the routes whose errors Anthropic's clients read. */
export function assertAnthropicError(answer: ErrorAnswer, expected: ExpectedError & { type?: string }): void {
  const { code, type, param, message } = expected;
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/, answer.body);
  assertClean(answer.body);
  const body: unknown = JSON.parse(answer.body);
  assert.ok(Value.Check(AnthropicError, body), answer.body);
  const { error } = body;
  assert.equal(error.details.error_code, code, answer.body);
  assert.equal(answer.status, PROBLEMS[code].status);
  assertHeaders(answer, code, body.request_id);
  assert.equal(answer.headers.get('request-id'), body.request_id);
  if (type !== undefined) assert.equal(error.type, type);
  if (param !== undefined) assert.equal(error.details.param, param, answer.body);
  if (message !== undefined) assert.match(error.message, message);
}

function assertHeaders({ headers }: ErrorAnswer, code: ProblemCode, requestId: string | undefined): void {
  assert.match(headers.get('x-request-id') ?? '', /^[\w.-]+$/);
  assert.equal(requestId, headers.get('x-request-id'));
  assert.equal(headers.get('x-should-retry'), String(PROBLEMS[code].retry !== 'never'));
}

export function assertClean(text: string): void {
  assert.doesNotMatch(text, INSIDES);
}
