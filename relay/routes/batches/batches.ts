import { Type } from 'typebox';
import { Batch, BatchPage, BatchPageQuery, BatchRequest, OwnedBatchPage } from '../../../shared/api/batches.ts';
import { unlessMissing } from '../../repeats/repeats.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import type { BatchRecord } from '../../store/batch-store.ts';
import { IdempotencyHeader, repeatableOf, tellRepeat } from '../http/idempotency-key.ts';
import { readPageLimit } from '../http/page-limit.ts';
import { sendJson } from '../http/send-json.ts';
import { ownerOf } from '../tasks/order-task.ts';
import { submitBatch } from './batch-submission.ts';
import { batchView } from './batch-view.ts';

const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
const PAGE_USUAL = '20';
const PAGE_MOST = 100;
const ANY = 'A key sees its own; with the admin token it may be that of any key.';

/** `/v1/batches`: files of requests that are answered within a day. A key sees its own. */
export function registerBatchRoutes(app: RelayApp, services: RelayServices): void {
  const { batches } = services;
  const config = { access: 'jobs' } as const;
  const one = { tags: ['Jobs'], params: IdParams, response: { 200: Batch } };
  app.post(
    '/v1/batches',
    {
      config,
      schema: {
        summary: 'Have the requests of a file answered within a day, each as a job of the queue',
        tags: ['Jobs'],
        headers: IdempotencyHeader,
        body: BatchRequest,
        response: { 200: Batch },
      },
    },
    async (request, reply) => {
      const { made, isNew } = await services.repeats.once(repeatableOf(request), {
        prefix: 'batch',
        find: (id) => unlessMissing(batches.find(id, request.principal.keyId), 'batch_not_found'),
        make: (id) => submitBatch(request, id, services),
      });
      return sendJson(tellRepeat(reply, isNew), batchView(made));
    },
  );
  app.get(
    '/v1/batches',
    {
      config,
      schema: {
        summary: 'The batches of this key, newest first',
        tags: ['Jobs'],
        querystring: BatchPageQuery,
        response: { 200: BatchPage },
      },
    },
    async ({ query, principal: { keyId } }, reply) => {
      const { found, hasMore } = await pageOf(keyId, query, services);
      const data = found.map(batchView);
      const [first_id, last_id] = [data[0]?.id ?? null, data.at(-1)?.id ?? null];
      return sendJson(reply, { object: 'list', data, first_id, last_id, has_more: hasMore });
    },
  );
  app.get(
    '/v1/admin/batches',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'The batches of every key, newest first',
        tags: ['Administration'],
        querystring: BatchPageQuery,
        response: { 200: OwnedBatchPage },
      },
    },
    async ({ query }, reply) => {
      const { found, hasMore } = await pageOf(null, query, services);
      const data = found.map((batch) => ({ ...batchView(batch), api_key_id: batch.apiKeyId }));
      return sendJson(reply, { data, next: hasMore ? (data.at(-1)?.id ?? null) : null });
    },
  );
  app.get(
    '/v1/batches/:id',
    { config, schema: { ...one, summary: 'How a batch stands, and the files with its answers', description: ANY } },
    async (request, reply) =>
      sendJson(reply, batchView(await batches.find(request.params.id, ownerOf(request).apiKeyId))),
  );
  app.post(
    '/v1/batches/:id/cancel',
    {
      config,
      schema: { ...one, summary: 'End what of a batch has not ended; what was answered is kept', description: ANY },
    },
    async (request, reply) =>
      sendJson(reply, batchView(await batches.cancel(request.params.id, ownerOf(request).apiKeyId))),
  );
}

async function pageOf(
  apiKeyId: string | null,
  { limit: wanted = PAGE_USUAL, after }: BatchPageQuery,
  { batches }: RelayServices,
): Promise<{ found: BatchRecord[]; hasMore: boolean }> {
  const limit = readPageLimit(wanted, PAGE_MOST);
  const found = await batches.list({ apiKeyId, limit, after });
  return { found: found.slice(0, limit), hasMore: found.length > limit };
}
