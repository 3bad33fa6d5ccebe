import { Type } from 'typebox';
import { CapabilityFlags, GlobalCapabilities, InstalledModels } from '../../../shared/api/capabilities.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendPieces } from '../http/json-pieces.ts';

/** As long as a client of the open fabric waits. */
const DISCOVERY_MS = 500;

const Query = Type.Object(
  { refresh: Type.Optional(Type.Enum(['true', 'false'], { description: 'Ask every node first, for at most 500 ms' })) },
  { additionalProperties: false },
);

/** What the pool can do, from the documents of its nodes. */
export function registerCapabilityRoutes(app: RelayApp, { capabilities, discovery }: RelayServices): void {
  app.get(
    '/v1/capabilities',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'What the pool can do now, by node and by model',
        tags: ['Capabilities'],
        querystring: Query,
        response: { 200: GlobalCapabilities },
      },
    },
    async (request, reply) => {
      if (request.query.refresh === 'true') await discovery.discover({ timeoutMs: DISCOVERY_MS });
      return sendPieces(reply, await capabilities.global());
    },
  );
  app.get(
    '/v1/capabilities/caps',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'Which capabilities the pool has, on which nodes',
        tags: ['Capabilities'],
        response: { 200: CapabilityFlags },
      },
    },
    async (_request, reply) => sendPieces(reply, await capabilities.flags()),
  );
  app.get(
    '/v1/capabilities/installed',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'Model files on the disks of the nodes, served or not',
        tags: ['Capabilities'],
        response: { 200: InstalledModels },
      },
    },
    async (_request, reply) => sendPieces(reply, await capabilities.installed()),
  );
}
