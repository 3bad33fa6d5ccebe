import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { NoParameters } from '../../../shared/api/no-parameters.ts';
import { OwnServices, ServiceDetails, ServicePutRequest } from '../../../shared/api/services.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendJson } from '../http/send-json.ts';
import { detailsOf, ownServices } from './service-views.ts';

const config = { access: 'admin' } as const;
const tags = ['Administration'];
const IdParams = Type.Object({ id: Type.String() });
const RestParams = Type.Object({ '*': Type.String() });
const Removed = Type.Object({ id: Type.String(), removed: Type.Literal(true) });
const putSchema = {
  body: ServicePutRequest,
  response: { 200: ServiceDetails, 201: ServiceDetails },
};

/** `/v1/admin/services`: services that the operator adds, replaces and removes while the relay runs. */
export function registerOwnServiceRoutes(app: RelayApp, services: RelayServices): void {
  registerList(app, services);
  registerChanges(app, services);
}

function registerList(app: RelayApp, services: RelayServices): void {
  app.get(
    '/v1/admin/services',
    {
      config,
      schema: {
        summary: 'The services of the operator',
        tags,
        querystring: NoParameters,
        response: { 200: OwnServices },
      },
    },
    async (_request, reply) => sendJson(reply, { data: ownServices(services), next: null }),
  );
  app.post(
    '/v1/admin/services/reload',
    {
      config,
      schema: {
        summary: 'Read the files of services again; all of them count or none',
        tags,
        response: { 200: OwnServices },
      },
    },
    async (_request, reply) => {
      services.registry.reload();
      return sendJson(reply, { data: ownServices(services), next: null });
    },
  );
}

function registerChanges(app: RelayApp, services: RelayServices): void {
  const put = async (id: string, body: unknown, reply: FastifyReply): Promise<FastifyReply> => {
    const { service, isNew } = await services.registry.put(id, body);
    return sendJson(reply.code(isNew ? 201 : 200), detailsOf(service, services));
  };
  const remove = async (id: string, reply: FastifyReply): Promise<FastifyReply> => {
    await services.registry.remove(id);
    return sendJson(reply, { id, removed: true });
  };
  app.put(
    '/v1/admin/services/:id',
    {
      config,
      schema: { ...putSchema, summary: 'Add a service, or replace one that was added so', tags, params: IdParams },
    },
    async ({ params, body }, reply) => put(params.id, body, reply),
  );
  app.delete(
    '/v1/admin/services/:id',
    {
      config,
      schema: {
        summary: 'Remove a service that was added over the API; one that it overrode is back',
        tags,
        params: IdParams,
        response: { 200: Removed },
      },
    },
    async ({ params }, reply) => remove(params.id, reply),
  );
  // The router's parameter ends at a slash, and every id has one.
  app.put(
    '/v1/admin/services/*',
    { config, schema: { ...putSchema, hide: true, params: RestParams } },
    async ({ params, body }, reply) => put(params['*'], body, reply),
  );
  app.delete(
    '/v1/admin/services/*',
    { config, schema: { hide: true, params: RestParams } },
    async ({ params }, reply) => remove(params['*'], reply),
  );
}
