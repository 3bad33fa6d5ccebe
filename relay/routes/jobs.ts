import { Type } from 'typebox';
import { ErrorResponse } from '../../shared/api/errors.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { Receipt } from '../../shared/receipts/receipt.ts';
import type { Principal } from '../access/api-keys.ts';
import type { RelayApp, RelayServices } from '../services.ts';
import { registerJobAdministration } from './job-administration.ts';
import { registerJobEvents } from './job-events.ts';
import { registerJobResults } from './job-results.ts';
import { registerJobSubmission } from './job-submission.ts';
import { sendJson } from './send-json.ts';

const JobParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

/** Jobs and what was recorded of them. A key sees its own jobs only; another's is as unknown as one that never was. */
export function registerJobRoutes(app: RelayApp, services: RelayServices): void {
  const find = async (id: string, { keyId, kind }: Principal) => {
    const job = await services.store.jobs.findJob(id);
    // The operator sees every key's, and what the operator's own programs asked for.
    if (job === undefined || (kind !== 'admin' && job.apiKeyId !== keyId)) {
      throw new Problem('job_not_found', `There is no finished job "${id}" of this key.`, { param: 'id' });
    }
    return job;
  };
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
        response: { 200: Receipt, '4xx': ErrorResponse },
      },
    },
    async (request, reply) => {
      const job = await find(request.params.id, request.principal);
      const receipt = await services.store.jobs.receiptOfJob(job.id);
      if (receipt === undefined)
        throw new Problem('receipt_not_found', 'This job did not succeed; there is no receipt.');
      return sendJson(reply, receipt);
    },
  );
}
