import { Type } from 'typebox';
import { ErrorResponse } from '../../../shared/api/errors.ts';
import { Model, ModelList } from '../../../shared/api/models.ts';
import { mayAsk } from '../../access/api-keys.ts';
import type { RelayApp, RelayServices } from '../../services.ts';

export function registerModelRoutes(app: RelayApp, services: RelayServices): void {
  app.get(
    '/v1/models',
    {
      config: { access: 'catalog' },
      schema: { summary: 'Models that this key can ask for', tags: ['OpenAI'], response: { 200: ModelList } },
    },
    async ({ principal }) => {
      // Programs offer their people what stands here: no model that this key would be refused.
      const data = services.models.list().filter(({ id }) => mayAsk(principal, id));
      return { object: 'list' as const, data };
    },
  );
  app.get(
    '/v1/models/:id',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'One model; the slash of its id may be sent as it is or as %2F',
        tags: ['OpenAI'],
        params: Type.Object({ id: Type.String() }),
        response: { 200: Model, '4xx': ErrorResponse },
      },
    },
    async (request) => services.models.get(request.params.id),
  );
  // The router's parameter ends at a slash, and ids have one: curl users do not escape it.
  app.get(
    '/v1/models/*',
    {
      config: { access: 'catalog' },
      schema: { hide: true, params: Type.Object({ '*': Type.String() }), response: { 200: Model } },
    },
    async (request) => services.models.get(request.params['*']),
  );
}
