import type { AnthropicError } from '../../../shared/api/messages.ts';
import type { Problem } from '../../../shared/problems/problem.ts';

/** The classes that Anthropic's clients know errors by, of each status that has one of its own. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

/**
 * The body of an error, and of an event that ends a stream, as Anthropic's clients read it: the code of the problem stands
 * where they look for one.
 */
export function toAnthropicError({ code, status, message, param }: Problem, requestId: string): AnthropicError {
  const type = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return {
    type: 'error',
    error: { type, message, details: { error_code: code, param: param ?? null } },
    request_id: requestId,
  };
}
