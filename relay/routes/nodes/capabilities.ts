import {
  CapabilityFlags,
  CapabilityQuery,
  GlobalCapabilities,
  InstalledModels,
} from '../../../shared/api/capabilities.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { shareNext } from '../../share-next.ts';
import { readPageLimit } from '../http/page-limit.ts';
import { createTurns, sendBody, shareJson, writeJson } from '../http/shared-json.ts';

/** As long as a client of the open fabric waits. */
const DISCOVERY_MS = 500;

/** What the pool can do, from the documents of its nodes. */
export function registerCapabilityRoutes(app: RelayApp, { capabilities, discovery }: RelayServices): void {
  // However many ask with `refresh`, no node is asked by two at a time.
  const discover = shareNext(() => discovery.discover({ timeoutMs: DISCOVERY_MS }), 1);
  const global = shareJson(() => capabilities.global());
  const flags = shareJson(() => capabilities.flags());
  const installed = shareJson(() => capabilities.installed());
  const inTurn = createTurns();
  app.get(
    '/v1/capabilities',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'What the pool can do now, by node and by model',
        tags: ['Capabilities'],
        querystring: CapabilityQuery,
        response: { 200: GlobalCapabilities },
      },
    },
    async ({ query: { refresh, limit, after } }, reply) => {
      const isPage = limit !== undefined || after !== undefined;
      const page = { limit: readPageLimit(limit), after };
      if (refresh === 'true') await discover();
      const make = async () => writeJson(await capabilities.page(page));
      return sendBody(reply, await (isPage ? inTurn(make) : global()));
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
    async (_request, reply) => sendBody(reply, await flags()),
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
    async (_request, reply) => sendBody(reply, await installed()),
  );
}
