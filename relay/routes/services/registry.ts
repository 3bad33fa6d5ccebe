import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import {
  ServiceDetails,
  ServicePage,
  ServicePageQuery,
  ServiceRequirements,
  ServiceSchemas,
} from '../../../shared/api/services.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendJson } from '../http/send-json.ts';
import { detailsOf, pageOfServices, requirementsOf } from './service-views.ts';

const IdParams = Type.Object({ id: Type.String() });
const BELOW = /\/(schema|requirements)$/;

/** `/v1/registry/services`: what the pool can be asked for, and what a node must have for it. */
export function registerRegistryRoutes(app: RelayApp, services: RelayServices): void {
  const config = { access: 'catalog' } as const;
  const send = (id: string, below: string | undefined, reply: FastifyReply): FastifyReply => {
    const service = services.registry.get(id);
    if (below === 'requirements') return sendJson(reply, requirementsOf(service, services));
    if (below === undefined) return sendJson(reply, detailsOf(service, services));
    const { input, output } = service.definition;
    return sendJson(reply, { id, input, output });
  };
  app.get(
    '/v1/registry/services',
    {
      config,
      schema: {
        summary: 'The services that can be asked for, by id, with how many nodes could run each now',
        tags: ['Services'],
        querystring: ServicePageQuery,
        response: { 200: ServicePage },
      },
    },
    async ({ query }, reply) => sendJson(reply, pageOfServices(query, services)),
  );
  const views = [
    ['', undefined, ServiceDetails, 'One service; the slash of its id may be sent as it is or as %2F'],
    ['/schema', 'schema', ServiceSchemas, 'The JSON Schemas of input and output of a service'],
    ['/requirements', 'requirements', ServiceRequirements, 'What a node must have to run a service'],
  ] as const;
  for (const [path, below, answer, summary] of views) {
    app.get<{ Params: { id: string } }>(
      `/v1/registry/services/:id${path}`,
      {
        config,
        schema: { summary, tags: ['Services'], params: IdParams, response: { 200: answer } },
      },
      async ({ params }, reply) => send(params.id, below, reply),
    );
  }
  // The router's parameter ends at a slash, and every id has one. No id ends like an address below that of a service.
  app.get(
    '/v1/registry/services/*',
    { config, schema: { hide: true, params: Type.Object({ '*': Type.String() }) } },
    async ({ params }, reply) => {
      const path = params['*'];
      return send(path.replace(BELOW, ''), BELOW.exec(path)?.[1], reply);
    },
  );
}
