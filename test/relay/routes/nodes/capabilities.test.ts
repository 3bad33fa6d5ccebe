import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Fastify from 'fastify';
import { createHeldBytes } from '../../../../relay/access/held-bytes.ts';
import { registerCapabilityRoutes } from '../../../../relay/routes/nodes/capabilities.ts';
import type { RelayApp, RelayServices } from '../../../../relay/services.ts';
import { afterTest } from '../../../support/after-test.ts';

test('however many ask with refresh, the nodes are asked by one at a time, and each gets what was said after it asked', async (t) => {
  const rounds: PromiseWithResolvers<void>[] = [];
  let views = 0;
  const services = {
    discovery: {
      discover: () => {
        const round = Promise.withResolvers<void>();
        rounds.push(round);
        return round.promise;
      },
    },
    capabilities: {
      global: async () => ({ node_count: rounds.length, views: ++views }),
      page: async ({ limit }: { limit: number }) => ({ node_count: rounds.length, limit }),
    },
  };
  const app = Fastify();
  afterTest(t, () => app.close());
  app.decorate('unreadMs', 60_000);
  app.decorate('heldBytes', createHeldBytes());
  let asking = 0;
  app.addHook('preHandler', (_request, _reply, done) => {
    asking += 1;
    done();
  });
  registerCapabilityRoutes(app as unknown as RelayApp, services as unknown as RelayServices);
  await app.ready();
  const ask = async (query: string) => (await app.inject({ url: `/v1/capabilities?refresh=true${query}` })).json();
  const first = ask('');
  while (rounds.length === 0) await nextTurn();
  const later = Promise.all([...Array.from({ length: 20 }, () => ask('')), ask('&limit=7')]);
  while (asking < 22) await nextTurn();
  assert.equal(rounds.length, 1);
  rounds[0]?.resolve();
  assert.equal((await first).node_count, 1);
  while (rounds.length === 1) await nextTurn();
  rounds[1]?.resolve();
  const answers = await later;
  assert.deepEqual(new Set(answers.map(({ node_count }) => node_count)), new Set([2]));
  assert.equal(answers.at(-1).limit, 7);
  assert.equal(rounds.length, 2);
  assert.ok(views <= 3, `${views} views were made`);
});
