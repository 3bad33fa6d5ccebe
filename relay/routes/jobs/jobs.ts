import { Type } from 'typebox';
import { Problem } from '../../../shared/problems/problem.ts';
import { Receipt } from '../../../shared/receipts/receipt.ts';
import { hasEnded, type JobState } from '../../jobs/queue/job-state.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendJson } from '../http/send-json.ts';
import { registerJobAdministration } from './job-administration.ts';
import { registerJobEvents } from './job-events.ts';
import { registerJobResults } from './job-results.ts';
import { registerJobSubmission } from './job-submission.ts';
import { findOwnJob, stateOf, unfinished } from './job-views.ts';

const JobParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

/** Jobs and what was recorded of them. A key sees its own jobs only; another's is as unknown as one that never was. */
export function registerJobRoutes(app: RelayApp, services: RelayServices): void {
  registerJobSubmission(app, services);
  registerJobResults(app, services);
  registerJobEvents(app, services);
  registerJobAdministration(app, services);
  app.get(
    '/v1/jobs/:id/receipt',
    {
      config: { access: 'jobs' },
      schema: {
        summary: 'The receipt of a job that succeeded',
        tags: ['Jobs'],
        params: JobParams,
        response: { 200: Receipt },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const known = await findOwnJob(id, request.principal, services);
      const receipt = await services.store.jobs.receiptOfJob(id);
      if (receipt === undefined) throw noReceipt(stateOf(known));
      return sendJson(reply, receipt);
    },
  );
}

function noReceipt(state: JobState): Problem {
  if (!hasEnded(state)) return unfinished(state);
  const why =
    state === 'succeeded' ? 'Its receipt is not on the disk yet.' : `The job has ended as ${state}, without one.`;
  return new Problem('receipt_not_found', why, { param: 'id' });
}
