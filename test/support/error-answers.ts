import assert from 'node:assert/strict';
import { Value } from 'typebox/value';
import { ErrorResponse } from '../../shared/api/errors.ts';
import { PROBLEMS, type ProblemCode } from '../../shared/problems/table.ts';

export type ErrorAnswer = { status: number; headers: Headers; body: string };
export type ExpectedError = { code: ProblemCode; param?: string | null; message?: RegExp };

/** Names of the framework, stack traces, and paths of this machine. */
const INSIDES = /FST_|\bat .*\(?(node:|file:|\/).*:\d+:\d+|node_modules|\.ts:\d+|\/(work|home|tmp|root|var|usr|opt)\//;

export async function readError(response: Response): Promise<ErrorAnswer> {
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** Checks the one shape of all errors, and that nothing of the relay's inside is in it. Returns OpenAI's part. */
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
  assert.match(answer.headers.get('x-request-id') ?? '', /^[\w.-]+$/);
  assert.equal(body.request_id, answer.headers.get('x-request-id'));
  assert.equal(answer.headers.get('x-should-retry'), String(PROBLEMS[code].retry !== 'never'));
  if (expected.param !== undefined) assert.equal(body.error.param, expected.param, answer.body);
  if (expected.message !== undefined) assert.match(body.error.message, expected.message);
  return body.error;
}

export function assertClean(text: string): void {
  assert.doesNotMatch(text, INSIDES);
}
