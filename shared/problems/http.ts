import type { Problem } from './problem.ts';
import { PROBLEMS } from './table.ts';

/**
 * The body of every error response: RFC 9457 members and OpenAI's `error` object in one, because the official client
 * reads only the latter and shows "status code (no body)" for a pure problem document. `error` comes first: OpenAI's client
 * for Python, up to version 2, shows the whole body, and programs around it the beginning of that. `type` leads to the
 * relay that answers, relative to the address that was asked (RFC 9457, 3.1.1).
 */
export type ErrorBody = {
  error: { message: string; type: string; code: string; param: string | null };
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id?: string;
};

export function toErrorBody(problem: Problem, requestId?: string): ErrorBody {
  return {
    error: {
      message: problem.message,
      type: PROBLEMS[problem.code].type,
      code: problem.code,
      param: problem.param ?? null,
    },
    type: `/problems/${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    ...(requestId === undefined ? {} : { request_id: requestId }),
  };
}

/** Response headers that tell a client whether and when to try again; OpenAI's client obeys all three. */
export function retryHeaders(problem: Problem): Record<string, string> {
  const headers: Record<string, string> = { 'x-should-retry': problem.retry === 'never' ? 'false' : 'true' };
  if (problem.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(problem.retryAfterMs / 1000)));
    headers['retry-after-ms'] = String(Math.ceil(problem.retryAfterMs));
  }
  return headers;
}
