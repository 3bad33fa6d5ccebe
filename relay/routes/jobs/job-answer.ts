import type { FastifyReply, FastifyRequest } from 'fastify';
import type { JobOutcome } from '../../../shared/api/jobs.ts';
import { hasEnded } from '../../jobs/queue/job-state.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import type { QueuedJob } from '../../store/queued-job-store.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { sendAnswerText, sendJson } from '../http/send-json.ts';
import { findOwnJob, findWithResult, viewOf } from './job-views.ts';
import { createEndWaits, readWaitS } from './prefer-wait.ts';

export type Submitted = { readonly job: QueuedJob; readonly isNew: boolean };

/**
 * How a submission is answered: at once with its job, or with its outcome where the client waits for that. One that was
 * sent before is answered with its job as it is now, whether or not its result is still kept.
 */
export function createJobAnswer(app: RelayApp, services: RelayServices) {
  const awaitEnd = createEndWaits(app, services.queue);
  return async ({ job, isNew }: Submitted, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const waitS = readWaitS(request);
    const ending = waitS === 0 ? undefined : await awaitEnd(job.id, waitS, reply);
    const ended = ending && outcomeText(ending.record, ending.result);
    const outcome = ended ?? (isNew || waitS === 0 ? undefined : await keptOutcome(job.id, services));
    const headers = {
      location: `/v1/jobs/${job.id}`,
      'x-sparewatt-job': job.id,
      ...(waitS === 0 ? undefined : { 'preference-applied': `wait=${waitS}` }),
      ...(isNew ? undefined : { 'idempotency-replayed': 'true' }),
      ...rateLimitHeaders(request.principal, services),
    };
    if (outcome !== undefined) return sendAnswerText(reply, headers, outcome);
    reply.code(202).headers(headers);
    if (isNew && waitS === 0)
      return sendJson(reply, viewOf({ queued: job, finished: undefined, waits: services.queue.whyWaits(job.id) }));
    return sendJson(reply, viewOf(await findOwnJob(job.id, request.principal, services)));
  };
}

/** A `JobOutcome`; its result is JSON already. */
function outcomeText({ id, state, problem }: Omit<JobOutcome, 'result'>, result: string | null): string {
  return `${JSON.stringify({ id, state, problem }).slice(0, -1)},"result":${result ?? 'null'}}`;
}

/** The same of a job that had ended before it was submitted again; undefined of one that has not. */
async function keptOutcome(id: string, { store }: RelayServices): Promise<string | undefined> {
  const { job, result } = (await findWithResult(id, store.queuedJobs)) ?? {};
  if (job === undefined || !hasEnded(job.state)) return undefined;
  return outcomeText({ id, state: job.state, problem: job.changes.at(-1)?.problem ?? null }, result ?? null);
}
