import { Type } from 'typebox';
import {
  CordonRequest,
  DrainRequest,
  LabelsRequest,
  NodeDetails,
  NodeHealth,
  NodePage,
  NodePageQuery,
} from '../../../shared/api/nodes.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { readPageLimit } from '../http/page-limit.ts';
import { sendJson, sendJsonText } from '../http/send-json.ts';
import { createTurns } from '../http/shared-json.ts';

const NodeParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
const DRAIN_USUAL_MS = 30_000;
/** Nodes on a page; a larger one takes some milliseconds. */
const LARGE_PAGE = 100;

/** The nodes as clients may see them, and what an operator does with them. */
export function registerNodeRoutes(app: RelayApp, services: RelayServices): void {
  registerViews(app, services);
  registerAdministration(app, services);
}

function registerViews(app: RelayApp, { directory }: RelayServices): void {
  const inTurn = createTurns();
  app.get(
    '/v1/nodes',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'The nodes this relay knows, by id',
        tags: ['Nodes'],
        querystring: NodePageQuery,
        response: { 200: NodePage },
      },
    },
    async ({ query }, reply) => {
      const limit = readPageLimit(query.limit);
      const list = (): string => JSON.stringify(directory.list({ limit, after: query.after }));
      return sendJsonText(reply, limit > LARGE_PAGE ? await inTurn(list) : list());
    },
  );
  app.get(
    '/v1/nodes/:id',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'One node, with what it says of itself',
        tags: ['Nodes'],
        params: NodeParams,
        response: { 200: NodeDetails },
      },
    },
    async ({ params }, reply) => sendJson(reply, directory.get(params.id)),
  );
  app.get(
    '/v1/nodes/:id/health',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'Whether a node would be given a job, and how it did so far',
        tags: ['Nodes'],
        params: NodeParams,
        response: { 200: NodeHealth },
      },
    },
    async ({ params }, reply) => sendJson(reply, directory.health(params.id)),
  );
}

function registerAdministration(app: RelayApp, { directory, nodeAdmin }: RelayServices): void {
  app.get(
    '/v1/admin/miners',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'The nodes that have nothing but HTTP, by id',
        tags: ['Administration'],
        querystring: NodePageQuery,
        response: { 200: NodePage },
      },
    },
    async ({ query }, reply) => {
      const limit = readPageLimit(query.limit);
      return sendJson(reply, directory.list({ limit, after: query.after, kind: 'http' }));
    },
  );
  const config = { access: 'admin' } as const;
  const schema = { tags: ['Administration'], params: NodeParams, response: { 200: NodeDetails } };
  app.post(
    '/v1/admin/nodes/:id/cordon',
    { config, schema: { ...schema, summary: 'Give a node no new jobs', body: CordonRequest } },
    async ({ params, body }, reply) => {
      const id = directory.resolve(params.id);
      await nodeAdmin.cordon(id, body.reason ?? null);
      return sendJson(reply, directory.get(id));
    },
  );
  app.post(
    '/v1/admin/nodes/:id/uncordon',
    { config, schema: { ...schema, summary: 'Give a node jobs again' } },
    async ({ params }, reply) => {
      const id = directory.resolve(params.id);
      await nodeAdmin.uncordon(id);
      return sendJson(reply, directory.get(id));
    },
  );
  app.post(
    '/v1/admin/nodes/:id/drain',
    {
      config,
      schema: { ...schema, summary: 'Give a node no new jobs and wait for the running ones', body: DrainRequest },
    },
    async ({ params, body }, reply) => {
      const id = directory.resolve(params.id);
      await nodeAdmin.drain(id, body.reason ?? null);
      await directory.whenIdle(id, body.deadline_ms ?? DRAIN_USUAL_MS);
      return sendJson(reply, directory.get(id));
    },
  );
  app.post(
    '/v1/admin/nodes/:id/labels',
    { config, schema: { ...schema, summary: 'Set and remove labels of a node', body: LabelsRequest } },
    async ({ params, body }, reply) => {
      const id = directory.resolve(params.id);
      await nodeAdmin.label(id, body.labels);
      return sendJson(reply, directory.get(id));
    },
  );
}
