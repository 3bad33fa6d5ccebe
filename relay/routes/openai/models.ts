import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ModelInfo, ModelInfoList } from '../../../shared/api/anthropic-models.ts';
import { Model, ModelList } from '../../../shared/api/models.ts';
import { mayAsk } from '../../access/api-keys.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { isOfAnthropic, modelInfoList, modelInfoOf } from '../anthropic/model-info.ts';
import { sendJson } from '../http/send-json.ts';

const BY_HEADER = 'With a header `anthropic-version` in the form of Anthropic.';

/** Both kinds of clients ask here. */
export function registerModelRoutes(app: RelayApp, services: RelayServices): void {
  app.get(
    '/v1/models',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'Models that this key can ask for',
        description: BY_HEADER,
        tags: ['OpenAI', 'Anthropic'],
        response: { 200: Type.Union([ModelList, ModelInfoList]) },
      },
    },
    async (request, reply) => {
      // Programs offer their people what stands here: no model that this key would be refused.
      const data = services.models.list().filter(({ id }) => mayAsk(request.principal, id));
      return sendJson(reply, isOfAnthropic(request) ? modelInfoList(data) : { object: 'list', data });
    },
  );
  const describe = (request: FastifyRequest, id: string): Model | ModelInfo => {
    const model = services.models.get(id);
    return isOfAnthropic(request) ? modelInfoOf(model) : model;
  };
  app.get(
    '/v1/models/:id',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'One model; the slash of its id may be sent as it is or as %2F',
        description: BY_HEADER,
        tags: ['OpenAI', 'Anthropic'],
        params: Type.Object({ id: Type.String() }),
        response: { 200: Type.Union([Model, ModelInfo]) },
      },
    },
    async (request) => describe(request, request.params.id),
  );
  // The router's parameter ends at a slash, and ids have one: curl users do not escape it.
  app.get(
    '/v1/models/*',
    {
      config: { access: 'catalog' },
      schema: {
        hide: true,
        params: Type.Object({ '*': Type.String() }),
        response: { 200: Type.Union([Model, ModelInfo]) },
      },
    },
    async (request) => describe(request, request.params['*']),
  );
}
