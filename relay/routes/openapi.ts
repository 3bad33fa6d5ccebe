import swagger from '@fastify/swagger';
import type { RelayApp } from '../services.ts';

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
  });
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () => app.swagger());
}
