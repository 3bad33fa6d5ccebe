import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import {
  ApiKey,
  ApiKeyList,
  ChangeKeyRequest,
  CreatedKey,
  CreateKeyRequest,
  RevokedKey,
  RotateKeyRequest,
} from '../../../shared/api/keys.ts';
import { NoParameters } from '../../../shared/api/no-parameters.ts';
import { keyRevoked } from '../../access/key-admin.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { IdempotencyHeader, repeatableOf, tellRepeat } from '../http/idempotency-key.ts';
import { sendJson } from '../http/send-json.ts';

const KeyParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
const SHOWN_AGAIN = 'The same request with the same `Idempotency-Key` is answered with the same key, for a day.';
const OVERLAP_USUAL_S = 24 * 60 * 60;

/** The keys of clients, for the operator alone. */
export function registerKeyRoutes(app: RelayApp, services: RelayServices): void {
  const { keyAdmin } = services;
  const config = { access: 'admin' } as const;
  const tags = ['Administration'];
  app.post(
    '/v1/admin/keys',
    {
      config,
      schema: {
        summary: 'Make an API key; the answer is the only one that shows it',
        description: SHOWN_AGAIN,
        tags,
        headers: IdempotencyHeader,
        body: CreateKeyRequest,
        response: { 201: CreatedKey },
      },
    },
    async (request, reply) => {
      const asked = repeatableOf(request);
      const { idempotencyKey } = asked;
      const { made, isNew } = await services.repeats.once(asked, {
        prefix: 'key',
        find: (keyId) => keyAdmin.made({ keyId, idempotencyKey }),
        make: (keyId) => keyAdmin.create(request.body, { keyId, idempotencyKey }),
      });
      return sendMade(reply, made, isNew);
    },
  );
  app.get(
    '/v1/admin/keys',
    {
      config,
      schema: {
        summary: 'All API keys, oldest first',
        tags,
        querystring: NoParameters,
        response: { 200: ApiKeyList },
      },
    },
    async (_request, reply) => sendJson(reply, { data: await keyAdmin.list(), next: null }),
  );
  app.get(
    '/v1/admin/keys/:id',
    { config, schema: { summary: 'One API key', tags, params: KeyParams, response: { 200: ApiKey } } },
    async ({ params }, reply) => sendJson(reply, await keyAdmin.get(params.id)),
  );
  app.patch(
    '/v1/admin/keys/:id',
    {
      config,
      schema: {
        summary: 'Change an API key, at once; null takes a limit away, and what is left out stays',
        description:
          'Limits of requests, tokens, credits and budgets are those of its account, which keys that replace each other share; ' +
          'name, description, scopes, models and end are of this key alone. What is under way goes on as it was let in.',
        tags,
        params: KeyParams,
        body: ChangeKeyRequest,
        response: { 200: ApiKey },
      },
    },
    async ({ params, body }, reply) => sendJson(reply, await keyAdmin.change(params.id, body)),
  );
  app.delete(
    '/v1/admin/keys/:id',
    {
      config,
      schema: {
        summary: 'Revoke an API key, at once; with the last of its account the jobs end that have not ended',
        tags,
        params: KeyParams,
        response: { 200: RevokedKey },
      },
    },
    async ({ params }, reply) => {
      const key = await keyAdmin.revoke(params.id);
      const isOver = (await keyAdmin.revokedAccounts()).has(key.account_id);
      const accounts = new Set(isOver ? [key.account_id] : []);
      return sendJson(reply, { ...key, cancelled_jobs: await endAllOf(accounts, services) });
    },
  );
  app.post(
    '/v1/admin/keys/:id/rotate',
    {
      config,
      schema: {
        summary: 'Replace an API key by a new one with the same rights; the old one works a little longer',
        description: SHOWN_AGAIN,
        tags,
        headers: IdempotencyHeader,
        params: KeyParams,
        body: RotateKeyRequest,
        response: { 201: CreatedKey },
      },
    },
    async (request, reply) => {
      const { id: keyId } = request.params;
      const { overlap_s: overlapS, hmac } = request.body;
      const overlapMs = (overlapS ?? OVERLAP_USUAL_S) * 1_000;
      const asked = repeatableOf(request);
      const { idempotencyKey } = asked;
      const { made, isNew } = await services.repeats.once(asked, {
        prefix: 'key',
        find: (id) => keyAdmin.made({ keyId: id, idempotencyKey }, { keyId, overlapMs }),
        make: (id) => keyAdmin.rotate(keyId, overlapMs, { keyId: id, idempotencyKey }, hmac ?? undefined),
      });
      return sendMade(reply, made, isNew);
    },
  );
}

function sendMade(reply: FastifyReply, made: CreatedKey, isNew: boolean): FastifyReply {
  return sendJson(tellRepeat(reply, isNew).code(201).header('cache-control', 'no-store'), made);
}

/** Ends whatever of these accounts has not ended; resolves with how many jobs that were. */
async function endAllOf(
  accounts: ReadonlySet<string>,
  { batches, queue, jobs, tasks }: RelayServices,
): Promise<number> {
  const reason = keyRevoked();
  const stopped = batches.cancelAllOf(accounts);
  const unapproved = tasks.giveUpWaitingOf(accounts, reason);
  const [queued, running] = await Promise.all([
    queue.giveUpAllOf(accounts, reason),
    jobs.giveUpAllOf(accounts, reason),
  ]);
  await stopped;
  return unapproved + queued + running;
}
