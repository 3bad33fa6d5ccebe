import { Type } from 'typebox';
import { Job, JobPage, JobPageQuery, JobResult } from '../../../shared/api/jobs.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { hasEnded } from '../../jobs/queue/job-state.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendJson, sendJsonText } from '../http/send-json.ts';
import { listJobs } from './job-listing.ts';
import { findOwnJob, findWithResult, type KnownJob, stateOf, unfinished, viewOf } from './job-views.ts';
import { createEndWaits, PreferHeader, readWaitS } from './prefer-wait.ts';

const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

/** Jobs and their results as their key sees them, and how to end them. */
export function registerJobResults(app: RelayApp, services: RelayServices): void {
  registerViews(app, services);
  registerEnds(app, services);
}

function registerViews(app: RelayApp, services: RelayServices): void {
  const { store, queue } = services;
  const awaitEnd = createEndWaits(app, queue);
  app.get(
    '/v1/jobs',
    {
      config: { access: 'jobs' },
      schema: {
        summary:
          'The jobs of this key, waiting, running and ended, newest first, all or by `state`; the operator sees all',
        tags: ['Jobs'],
        querystring: JobPageQuery,
        response: { 200: JobPage },
      },
    },
    async ({ query, principal: { kind, keyId } }, reply) =>
      sendJson(reply, await listJobs(query, kind === 'admin' ? null : keyId, services)),
  );
  app.get(
    '/v1/jobs/:id',
    {
      config: { access: 'jobs' },
      schema: {
        summary: 'A job in the queue, one that its client waits for, or one that has ended',
        tags: ['Jobs'],
        params: IdParams,
        response: { 200: Job },
      },
    },
    async ({ params, principal }, reply) => sendJson(reply, viewOf(await findOwnJob(params.id, principal, services))),
  );
  app.get(
    '/v1/jobs/:id/result',
    {
      config: { access: 'jobs' },
      schema: {
        summary: 'The result of a job of the queue that succeeded; `Prefer: wait=SECONDS` waits for it',
        tags: ['Jobs'],
        params: IdParams,
        headers: PreferHeader,
        response: { 200: JobResult },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { kind, keyId } = request.principal;
      const waitS = readWaitS(request);
      const find = async () => {
        const found = await findWithResult(id, store.queuedJobs);
        return kind === 'admin' || found?.job.apiKeyId === keyId ? found : undefined;
      };
      let found = await find();
      if (found !== undefined && !hasEnded(found.job.state) && waitS > 0) {
        await awaitEnd(id, waitS, reply);
        found = await find();
      }
      // It may end at any moment: whoever asks again is told of that then.
      if (found !== undefined && !hasEnded(found.job.state)) throw unfinished(found.job.state);
      const { result } = found ?? {};
      if (result === undefined) throw noResult(await findOwnJob(id, request.principal, services));
      return sendJsonText(reply, `{"id":${JSON.stringify(id)},"state":"succeeded","result":${result}}`);
    },
  );
}

function registerEnds(app: RelayApp, services: RelayServices): void {
  const { store, queue, jobs } = services;
  const schema = { tags: ['Jobs'], params: IdParams, response: { 200: Job } };
  const config = { access: 'jobs' } as const;
  /** Of the queue or in hand; a job that has ended stays as it is. */
  const cancel = async (id: string): Promise<void> => {
    const reason = new Problem('cancelled', 'The job was cancelled.');
    if (!(await jobs.giveUp(id, reason))) await queue.giveUp(id, reason);
  };
  app.post(
    '/v1/jobs/:id/cancel',
    { config, schema: { ...schema, summary: 'End a job unless it has ended; its result, if any, is kept' } },
    async ({ params: { id }, principal }, reply) => {
      await findOwnJob(id, principal, services);
      await cancel(id);
      return sendJson(reply, viewOf(await findOwnJob(id, principal, services)));
    },
  );
  app.delete(
    '/v1/jobs/:id',
    { config, schema: { ...schema, summary: 'End a job and forget its input and result; record and receipt stay' } },
    async ({ params: { id }, principal }, reply) => {
      await findOwnJob(id, principal, services);
      await cancel(id);
      const job = await findOwnJob(id, principal, services);
      await store.queuedJobs.forgetJob(id);
      return sendJson(reply, viewOf({ ...job, queued: undefined } as KnownJob));
    },
  );
}

function noResult(known: KnownJob): Problem {
  const { finished } = known;
  const state = stateOf(known);
  if (!hasEnded(state)) return unfinished(state);
  if (state === 'succeeded') {
    return new Problem('result_not_found', 'The result of this job is not kept, or not any more.', { param: 'id' });
  }
  const why = finished?.problem == null ? '' : ` ${finished.problem.detail} (${finished.problem.code})`;
  return new Problem(
    'result_not_found',
    `The job has ${state === 'failed' ? 'failed' : state === 'expired' ? 'expired' : 'been cancelled'}.${why}`,
    {
      param: 'id',
    },
  );
}
