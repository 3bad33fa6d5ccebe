import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Job, JobOutcome, JobRequest } from '../../../shared/api/jobs.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { holdFor } from '../../credits/hold-for.ts';
import { newId } from '../../jobs/id.ts';
import { QUEUE_LIMITS } from '../../jobs/queue/queue-limits.ts';
import type { KeptOrder } from '../../jobs/queue/queued-run.ts';
import { submitOrder } from '../../jobs/queue/submit-order.ts';
import { type AddressGuard, isForbiddenHost } from '../../outbound/guarded-lookup.ts';
import type { Repeatable } from '../../repeats/repeatable.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import type { QueuedOrder, Webhook } from '../../store/queued-job-store.ts';
import { IdempotencyHeader, repeatableOf } from '../http/idempotency-key.ts';
import { readRoutingOptions } from '../routing/routing-options.ts';
import { createJobAnswer } from './job-answer.ts';
import { readNonce } from './nonce.ts';
import { orderOf } from './order-of.ts';
import { PreferHeader } from './prefer-wait.ts';

export const USUAL_ATTEMPTS = 3;

/** `POST /v1/jobs`: work that is written down before it is answered for, and done whatever happens to the relay. */
export function registerJobSubmission(app: RelayApp, services: RelayServices): void {
  const answer = createJobAnswer(app, services);
  app.post(
    '/v1/jobs',
    {
      config: { access: 'jobs' },
      schema: {
        summary: 'Submit a job to be done later; an `Idempotency-Key` makes it safe to send again',
        description:
          'With `Prefer: wait=SECONDS`, 50 at most, a job that ends within that time is answered with 200 and its result. ' +
          'It is a job as any other: a client that hangs up meanwhile finds it under its id.',
        headers: Type.Object({ ...PreferHeader.properties, ...IdempotencyHeader.properties }),
        tags: ['Jobs'],
        body: JobRequest,
        response: { 200: JobOutcome, 202: Job },
      },
    },
    async (request, reply) => {
      const asked = readAsked(request, request.body);
      // Before anything that may have changed since: a file that is gone, a model, what the key has left.
      const earlier = await services.queue.earlier(asked);
      if (earlier !== undefined) return answer({ job: earlier, isNew: false }, request, reply);
      const { order, input, fileId } = await readOrder(request, request.body, asked, services);
      services.admit(request.principal, order.model);
      if (fileId !== undefined) await services.files.prolong(fileId, order.deadline);
      const submitted = await submitOrder(order, input, services, services.tracing?.jobOf(request)).catch(
        (error: unknown) => {
          if (error instanceof Problem && error.code === 'queue_full') {
            reply.header('x-sparewatt-queue-length', String(services.queue.length()));
          }
          throw error;
        },
      );
      return answer(submitted, request, reply);
    },
  );
}

function readAsked(request: FastifyRequest, body: JobRequest): Repeatable {
  // Whoever sends a request again may well count its time from then.
  const { deadline: _, ...asked } = body;
  return repeatableOf(request, asked);
}

async function readOrder(
  request: FastifyRequest,
  body: JobRequest,
  asked: Repeatable,
  services: RelayServices,
): Promise<{ order: QueuedOrder; input: string; fileId: string | undefined }> {
  const { service, model: wanted, max_attempts: maxAttempts, max_wait_ms: maxWaitMs } = body;
  const createdAt = Date.now();
  const work = await orderOf(service, { input: body.input, model: wanted ?? undefined }, request.principal, services);
  const { type, model, input } = work.order;
  // For its refusals: it is read again when the job runs.
  readRoutingOptions(body.routing, services);
  const kept: KeptOrder = { input, ...(work.asked === undefined ? {} : { asked: work.asked }) };
  const text = JSON.stringify(kept);
  const order: QueuedOrder = {
    ...asked,
    id: newId('job', createdAt),
    receiptId: newId('rcpt', createdAt),
    requestId: request.id,
    service,
    type,
    model,
    routing: body.routing ?? null,
    priority: body.priority ?? 0,
    deadline: readDeadline(body.deadline, createdAt),
    maxAttempts: maxAttempts ?? USUAL_ATTEMPTS,
    maxWaitMs: maxWaitMs ?? body.routing?.max_wait_ms ?? null,
    createdAt,
    inputBytes: Buffer.byteLength(text),
    webhook: readWebhook(body.webhook, services.webhookAddresses),
    nonce: readNonce(request) ?? null,
    holdMicro: holdFor(request.principal, work.order, services.billing) ?? null,
  };
  // A file is not over before the job that reads it.
  const fileId = typeof work.asked?.file_id === 'string' ? work.asked.file_id : undefined;
  return { order, input: text, fileId };
}

function readDeadline(deadline: number | null | undefined, now: number): number {
  const { lifetimeMs, longestLifetimeMs } = QUEUE_LIMITS;
  if (deadline == null) return now + lifetimeMs;
  if (deadline > now && deadline <= now + longestLifetimeMs) return deadline;
  const days = longestLifetimeMs / 86_400_000;
  throw new Problem('invalid_value', `The deadline must lie in the next ${days} days, in milliseconds since 1970.`, {
    param: 'deadline',
  });
}

/** Of a name that leads where no webhook may lie only its lookup tells, when there is word to bring. */
export function readWebhook(webhook: JobRequest['webhook'], addresses: AddressGuard): Webhook | null {
  if (webhook == null) return null;
  const url = URL.parse(webhook.url);
  const param = 'webhook.url';
  if (url === null || url.username !== '' || url.password !== '') {
    throw new Problem('invalid_value', 'The address of a webhook is a URL without a name and password.', { param });
  }
  if (!isForbiddenHost(url, addresses)) return webhook;
  const sentence = `This relay brings no webhook to ${url.hostname}. Give an address of the internet, or ask the operator for \`--webhook-networks private\`; to the relay's own machine none is brought.`;
  throw new Problem('invalid_value', sentence, { param });
}
