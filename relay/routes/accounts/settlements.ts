import { Type } from 'typebox';
import { SettlementList, SettlementQuery, SettleRequest } from '../../../shared/api/credits.ts';
import { Settlement } from '../../../shared/credits/settlement.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import type { SettlementOrder } from '../../store/credit-store.ts';
import { IdempotencyHeader, repeatableOf, tellRepeat } from '../http/idempotency-key.ts';
import { readPageLimit } from '../http/page-limit.ts';
import { sendJson } from '../http/send-json.ts';

/** Batches of what nodes have earned, signed and taken off their balances. */
export function registerSettlementRoutes(app: RelayApp, { queue, repeats, store }: RelayServices): void {
  const config = { access: 'admin' } as const;
  const tags = ['Credits'];
  const settle = async (id: string, webhook: SettlementOrder['webhook']): Promise<Settlement> => {
    const settlement = await store.credits.settle({ id, closedAt: Date.now(), webhook });
    if (settlement === undefined)
      throw new Problem('nothing_to_settle', 'No node has earned anything since the last settlement.');
    if (webhook !== null) queue.wakeWebhooks();
    return settlement;
  };
  app.post(
    '/v1/admin/settlements',
    {
      config,
      schema: {
        summary: 'Settle what nodes have earned; a webhook is told in the words of CloudEvents',
        tags,
        headers: IdempotencyHeader,
        body: SettleRequest,
        response: { 201: Settlement },
      },
    },
    async (request, reply) => {
      const { made, isNew } = await repeats.once(repeatableOf(request), {
        prefix: 'stl',
        find: (id) => store.credits.findSettlement(id),
        make: (id) => settle(id, request.body.webhook ?? null),
      });
      tellRepeat(reply, isNew).code(201).header('location', `/v1/admin/settlements/${made.id}`);
      return sendJson(reply, made);
    },
  );
  app.get(
    '/v1/admin/settlements',
    {
      config,
      schema: {
        summary: 'Settlements, newest first',
        tags,
        querystring: SettlementQuery,
        response: { 200: SettlementList },
      },
    },
    async ({ query: { limit: wanted, after } }, reply) => {
      const limit = readPageLimit(wanted);
      const found = await store.credits.listSettlements({ limit: limit + 1, after });
      const data = found.slice(0, limit);
      return sendJson(reply, { data, next: found.length > limit ? (data.at(-1)?.id ?? null) : null });
    },
  );
  app.get(
    '/v1/admin/settlements/:id',
    {
      config,
      schema: {
        summary: 'One settlement, as it was signed',
        tags,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 200: Settlement },
      },
    },
    async ({ params: { id } }, reply) => {
      const settlement = await store.credits.findSettlement(id);
      if (settlement !== undefined) return sendJson(reply, settlement);
      throw new Problem('settlement_not_found', `There is no settlement "${id}".`, { param: 'id' });
    },
  );
}
