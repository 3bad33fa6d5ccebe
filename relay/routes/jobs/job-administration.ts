import { Type } from 'typebox';
import { Job, JobPage, JobPageQuery, KeyWeight, QueueView } from '../../../shared/api/jobs.ts';
import { RefuseRequest } from '../../../shared/api/nodes.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { KeptInput } from '../../jobs/queue/queued-run.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendJson } from '../http/send-json.ts';
import { listJobs } from './job-listing.ts';
import { findOwnJob, viewOf } from './job-views.ts';

const config = { access: 'admin' } as const;
const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

/** What an operator does with the queue: approving jobs where the relay is supervised, and weighing keys. */
export function registerJobAdministration(app: RelayApp, services: RelayServices): void {
  registerJobViews(app, services);
  registerApproval(app, services);
  registerQueue(app, services);
}

function registerJobViews(app: RelayApp, services: RelayServices): void {
  app.get(
    '/v1/admin/jobs',
    {
      config,
      schema: {
        summary: 'The jobs of every key, waiting, running and ended, newest first, all or by `state`',
        tags: ['Administration'],
        querystring: JobPageQuery,
        response: { 200: JobPage },
      },
    },
    async ({ query }, reply) => sendJson(reply, await listJobs(query, null, services)),
  );
  app.get(
    '/v1/admin/jobs/:id/input',
    {
      config,
      schema: {
        summary: 'The input of a job that has not ended',
        tags: ['Administration'],
        params: IdParams,
        response: {
          200: Type.Object({
            id: Type.String(),
            input: Type.Unknown(),
            asked: Type.Optional(Type.Unknown()),
            endpoint: Type.Optional(Type.String()),
          }),
        },
      },
    },
    async ({ params: { id } }, reply) => {
      const kept = await services.store.queuedJobs.inputOf(id);
      if (kept === undefined) throw notFound(id);
      return sendJson(reply, { id, ...(JSON.parse(kept) as KeptInput) });
    },
  );
}

function registerApproval(app: RelayApp, services: RelayServices): void {
  const { queue } = services;
  const schema = { tags: ['Administration'], response: { 200: Job } };
  app.post(
    '/v1/admin/jobs/:id/approve',
    { config, schema: { ...schema, params: IdParams, summary: 'Let a job run that waits for approval' } },
    async ({ params: { id }, principal }, reply) => {
      if (!(await queue.approve(id))) throw notFound(id);
      return sendJson(reply, viewOf(await findOwnJob(id, principal, services)));
    },
  );
  app.post(
    '/v1/admin/jobs/:id/refuse',
    { config, schema: { ...schema, params: IdParams, summary: 'Refuse a job', body: RefuseRequest } },
    async ({ params: { id }, body: { reason }, principal }, reply) => {
      const sentence = `The operator refused the job${reason == null ? '.' : `: ${reason}`}`;
      if (!(await queue.giveUp(id, new Problem('task_refused', sentence)))) throw notFound(id);
      return sendJson(reply, viewOf(await findOwnJob(id, principal, services)));
    },
  );
}

function registerQueue(app: RelayApp, { queue, keyAdmin }: RelayServices): void {
  const view = { tags: ['Administration'], response: { 200: QueueView } };
  app.get(
    '/v1/admin/queue',
    { config, schema: { ...view, summary: 'How many jobs wait, by key' } },
    async (_request, reply) => sendJson(reply, { waiting: queue.waiting(), keys: queue.keys() }),
  );
  app.post(
    '/v1/admin/queue/weights',
    {
      config,
      schema: { ...view, summary: 'How many turns a key gets for each of a key of weight 1', body: KeyWeight },
    },
    async ({ body: { key, weight } }, reply) => {
      await queue.setWeight(await keyAdmin.accountOf(key), weight);
      return sendJson(reply, { waiting: queue.waiting(), keys: queue.keys() });
    },
  );
}

function notFound(id: string): Problem {
  return new Problem('job_not_found', `No job "${id}" waits for that.`, { param: 'id' });
}
