import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { retryHeaders, toErrorBody } from '../../../shared/problems/http.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ProblemCode } from '../../../shared/problems/table.ts';
import type { RelayLog } from '../../log.ts';
import type { RelayApp } from '../../services.ts';
import { toAnthropicError } from '../anthropic/error-body.ts';
import { pageMeantBy } from '../pages/pages.ts';
import { insteadOf } from './address-meant.ts';
import { lingerForBody } from './lingering-close.ts';
import type { RouteTable } from './route-table.ts';
import { problemOfValidation } from './validation.ts';

const INVALID_JSON = 'The body is not valid JSON, or has a member named __proto__ or constructor.';

/** What is wrong stands beside it: lines that say the same are counted. */
const NOT_SERVED = 'a request could not be served';

/** Every response that is not a success leaves through here, in the shape of its route. */
export function registerErrorHandlers(app: RelayApp, routes: RouteTable, maxBodyBytes: number, log: RelayLog): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    sendProblem(problemOf(error, request.routeOptions?.bodyLimit ?? maxBodyBytes), request, reply, log);
  });
  app.setNotFoundHandler((request, reply) => answerNotFound(request, reply, routes, log));
  // Before a body is read: nobody has asked who sends it.
  app.addHook('preParsing', (request, reply, _payload, done) => {
    if (request.is404) answerNotFound(request, reply, routes, log);
    else done();
  });
}

function answerNotFound(request: FastifyRequest, reply: FastifyReply, routes: RouteTable, log: RelayLog): void {
  const path = pathOf(request.url);
  const allowed = routes.methodsAt(path);
  const page = request.method === 'GET' || request.method === 'HEAD' ? pageMeantBy(path) : undefined;
  if (page !== undefined) {
    reply.header('cache-control', 'no-cache').redirect(request.url.replace(/^[^?]*/, page));
    return;
  }
  if (allowed.length === 0) {
    const instead = insteadOf(path, request.method, routes);
    const detail = `There is nothing at ${request.method} ${path}. ${instead}/openapi.json lists what there is.`;
    sendProblem(new Problem('unknown_url', detail), request, reply, log);
    return;
  }
  reply.header('allow', [...allowed, 'OPTIONS'].join(', '));
  if (request.method === 'OPTIONS') {
    reply.code(204).send();
    return;
  }
  const detail = `${path} takes ${allowed.join(', ')}, not ${request.method}.`;
  sendProblem(new Problem('method_not_allowed', detail), request, reply, log);
}

/** For what the router refuses before any route or hook is reached. */
export function answerRouterError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  log: RelayLog,
): void {
  sendProblem(routerProblem(error), request, reply, log);
}

function routerProblem(error: FastifyError): Problem {
  switch (error.code) {
    case 'FST_ERR_BAD_URL':
      return new Problem('malformed_request', 'The address holds a broken escape, such as %zz.');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Problem('unknown_url', 'There is nothing at an address this long.');
    default:
      return fault(error);
  }
}

/** Writes a problem as the response. */
function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply, log: RelayLog): void {
  logProblem(problem, request, log);
  lingerForBody(request.raw, reply.raw);
  // There will be no receipt, whatever was promised before the job failed.
  reply
    .removeHeader('x-sparewatt-receipt')
    .code(problem.status)
    .headers({ ...retryHeaders(problem), 'x-request-id': request.id });
  if (request.routeOptions?.config?.errorForm === 'anthropic') {
    reply.header('request-id', request.id).type('application/json; charset=utf-8');
    reply.send(JSON.stringify(toAnthropicError(problem, request.id)));
    return;
  }
  reply.type('application/problem+json; charset=utf-8').send(JSON.stringify(toErrorBody(problem, request.id)));
}

/**
 * Faults are logged with where they came from; what the relay could not do is a warning, since a client may ask for it as
 * often as it likes; other refusals are the client's and are not logged.
 */
function logProblem(problem: Problem, { id: reqId, url, principal }: FastifyRequest, log: RelayLog): void {
  const { code, cause, message, status } = problem;
  if (status < 500) return;
  // Of a route that anybody may call there is nobody to name; Fastify's types do not know that.
  const key = (principal as typeof principal | undefined)?.keyId;
  const told = { reqId, code, url: pathOf(url), ...(key === undefined ? {} : { key }) };
  if (code === 'internal') log.error({ ...told, err: cause ?? problem }, message);
  else log.warn({ ...told, detail: message, ...(cause === undefined ? {} : { err: cause }) }, NOT_SERVED);
}

/** Paths are shown and logged without their query, which may hold a key. */
function pathOf(url: string): string {
  return (url.split('?', 1)[0] ?? '').slice(0, 256);
}

/** The code that an error is answered with, for whoever counts: what a client did wrong is no fault of the relay. */
export function codeOf(error: FastifyError): ProblemCode {
  return problemOf(error, 0).code;
}

function problemOf(error: FastifyError, maxBodyBytes: number): Problem {
  if (error instanceof Problem) return error;
  if (error.validation !== undefined) return problemOfValidation(error.validation, error.validationContext ?? 'body');
  switch (error.code) {
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new Problem('invalid_json', 'The body is empty; send a JSON object.');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Problem('invalid_json', INVALID_JSON);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE':
      return new Problem('unsupported_media_type', 'Send the body as content-type: application/json.');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('body_too_large', `The body is larger than ${maxBodyBytes} bytes.`);
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Problem('invalid_value', 'The body is not as long as its Content-Length says.');
    case 'ECONNRESET':
      return new Problem('cancelled', 'The client hung up before its request was complete.');
    default:
  }
  if (error instanceof SyntaxError && (error.statusCode ?? 400) === 400) {
    return new Problem('invalid_json', INVALID_JSON);
  }
  if (error.statusCode === 408) return new Problem('request_timeout', 'The request took too long to arrive.');
  return fault(error);
}

function fault(cause: unknown): Problem {
  return new Problem('internal', 'The relay made a mistake. Its log says more under this request id.', { cause });
}
