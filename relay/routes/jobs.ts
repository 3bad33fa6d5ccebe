import { Type } from 'typebox';
import { ErrorResponse } from '../../shared/api/errors.ts';
import { FinishedJob } from '../../shared/api/jobs.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { OPERATOR_KEY_ID } from '../../shared/protocol/operator.ts';
import { Receipt } from '../../shared/receipts/receipt.ts';
import type { Principal } from '../access/api-keys.ts';
import type { RelayApp, RelayServices } from '../services.ts';
import { sendJson } from './send-json.ts';

const JobParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

/** What was recorded of a finished job. A key sees its own jobs only; another's is as unknown as one that never was. */
export function registerJobRoutes(app: RelayApp, services: RelayServices): void {
  const find = async (id: string, { keyId, kind }: Principal) => {
    const job = await services.store.jobs.findJob(id);
    // What the operator's programs asked for belongs to whoever has the admin token.
    const isOwn = job?.apiKeyId === keyId || (kind === 'admin' && job?.apiKeyId === OPERATOR_KEY_ID);
    if (job === undefined || !isOwn) {
      throw new Problem('job_not_found', `There is no finished job "${id}" of this key.`, { param: 'id' });
    }
    return job;
  };
  app.get(
    '/v1/jobs/:id',
    {
      config: { access: 'client' },
      schema: {
        summary: 'A finished job',
        tags: ['Jobs'],
        params: JobParams,
        response: { 200: FinishedJob, '4xx': ErrorResponse },
      },
    },
    async (request, reply) => {
      const job = await find(request.params.id, request.principal);
      return sendJson(reply, job);
    },
  );
  app.get(
    '/v1/jobs/:id/receipt',
    {
      config: { access: 'client' },
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
      if (receipt === undefined) throw new Problem('job_not_found', 'This job did not succeed; there is no receipt.');
      return sendJson(reply, receipt);
    },
  );
}
