import swagger from '@fastify/swagger';
import { Type } from 'typebox';
import type { RelayApp } from '../services.ts';
import { sendJson } from './send-json.ts';

/** Collects the schemas of all routes that are registered after it, and serves them as OpenAPI 3.1. */
export async function registerOpenApi(app: RelayApp, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sparewatt relay',
        version,
        description:
          'An OpenAI-compatible API over the spare GPUs of a pool. Every error has one of the codes of the problem table.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
      security: [{ apiKey: [] }],
    },
    hideUntagged: false,
    transform: ({ schema, url, route }) => ({
      url,
      schema: route.config?.access === 'public' ? { ...schema, security: [] } : schema,
    }),
  });
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
    async (_request, reply) => sendJson(reply, app.swagger()),
  );
}
