import swagger from '@fastify/swagger';
import { Type } from 'typebox';
import { ErrorResponse } from '../../../shared/api/errors.ts';
import type { Access, RelayApp } from '../../services.ts';
import { OPERATION_IDS } from './operation-ids.ts';

const PROBLEM = { content: { 'application/problem+json': { schema: ErrorResponse } } };

/** What any route may answer with; one whose errors have another form says so itself. */
const ERRORS: Record<string, object> = { '4xx': PROBLEM, '5xx': PROBLEM };

/** Collects the schemas of all routes that are registered after it, and serves them as OpenAPI 3.1. */
export async function registerOpenApi(app: RelayApp, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sparewatt relay',
        version,
        description:
          "An OpenAI-compatible API over the spare GPUs of a pool, and Anthropic's messages. Every error has one of the codes " +
          'of the problem table. ' +
          'A member of a body and a parameter of a query that an operation does not know are refused by their name; of ' +
          'those that read no query, lists refuse all parameters but for `GET /v1/models`, which has always all models.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          apiKey: {
            type: 'http',
            scheme: 'bearer',
            description:
              'A key with the scope that the operation names; the admin token has every scope, and `admin`. It is also read ' +
              'from `x-api-key`.',
          },
          attemptToken: { type: 'http', scheme: 'bearer', description: 'What a node is given with its attempt' },
          minerToken: { type: 'http', scheme: 'bearer', description: 'What POST /v1/miners/register answers' },
        },
      },
      security: [{ apiKey: [] }],
    },
    hideUntagged: false,
    transform: ({ schema, url, route }) => ({
      url,
      schema: {
        ...namedAs(`${route.method} ${url}`),
        security: securityOf(route.config?.access),
        ...schema,
        response: describeResponses({ ...ERRORS, ...(schema?.response as Record<string, object> | undefined) }),
      },
    }),
  });
  let document: Buffer | undefined;
  app.get(
    '/openapi.json',
    {
      config: { access: 'public' },
      schema: {
        summary: 'This document',
        tags: ['Operations'],
        response: { 200: Type.Object({ openapi: Type.String() }, { additionalProperties: true }) },
      },
    },
    // Anybody may ask, and it never changes: one copy serves all, however slowly they read.
    async (_request, reply) => {
      document ??= Buffer.from(JSON.stringify(app.swagger()));
      return reply.type('application/json; charset=utf-8').send(document as never);
    },
  );
}

function namedAs(route: string): { operationId?: string } {
  const operationId = OPERATION_IDS[route];
  return operationId === undefined ? {} : { operationId };
}

/** OpenAPI 3.1 lets a requirement of any scheme name the rights it takes. */
function securityOf(access: Access | undefined): Record<string, string[]>[] {
  if (access === 'public') return [];
  return access === 'attempt' || access === undefined ? [{ attemptToken: [] }] : [{ apiKey: [access] }];
}

const DESCRIPTIONS: Record<string, string> = {
  200: 'The answer.',
  503: 'The relay is not ready; `reasons` says why.',
  201: 'It was made.',
  202: 'It was taken on; its result is fetched later.',
  204: 'There is nothing to tell.',
  '4xx': 'The request was refused: `code` says why, `detail` what to do, `error` is the same for OpenAI clients.',
  '5xx': 'The pool could not do it: `code` says why, `x-should-retry` and `retry-after` whether and when to try again.',
};

function describeResponses(responses: Record<string, object>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(responses).map(([status, schema]) => [
      status,
      { 'x-response-description': DESCRIPTIONS[status], ...schema },
    ]),
  );
}
