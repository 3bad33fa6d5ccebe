import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ServiceAnswer, ServiceRequest } from '../../../shared/api/services.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { JsonSchema } from '../../../shared/registry/json-schema.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { JobResult } from '../../jobs/run-job.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { sendJson } from '../http/send-json.ts';
import { answerHeaders } from '../jobs/answer-headers.ts';
import { usageOf } from '../openai/usage.ts';
import { planService } from './plan-service.ts';
import type { OutputReader } from './service-output.ts';

/** `POST /v1/services/{id}`: one input to a node that can, one output back. */
export function registerServiceRoutes(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  const run = async (id: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const service = services.registry.get(id);
    const { order, reader } = await planService(service, request.body, request.principal, services);
    const job = services.newJob(request, order);
    const { file_id: fileId } = request.body as JsonSchema;
    if (reader.files !== undefined && typeof fileId === 'string') {
      // Its node fetches it, perhaps at the end of the wait, and the next one anew.
      await services.files.prolong(fileId, Date.now() + job.maxWaitMs + job.timeoutMs);
    }
    reply.headers({ ...answerHeaders(job), ...rateLimitHeaders(request.principal, services) });
    const hangUp = hangUpOf(reply.raw);
    try {
      const result = await services.jobs.run(job, reader.sink, hangUp.controller).finally(hangUp.stop);
      reply.header('x-sparewatt-node', result.node.id);
      return sendJson(reply, answerOf(id, job, result, reader));
    } finally {
      await reader.files?.close();
    }
  };
  const config = { access: 'inference' } as const;
  const schema = {
    body: ServiceRequest,
    response: { 200: ServiceAnswer },
  };
  app.post(
    '/v1/services/:id',
    {
      config,
      schema: {
        ...schema,
        summary: 'Run a service of the registry; the slash of its id may be sent as it is or as %2F',
        description:
          'A file goes into the input as base64 or, beyond some megabytes, as the `file_id` of a file of `POST /v1/files`. ' +
          `Models read files of up to ${LIMITS.maxRecordingBytes} bytes, or what the schema of the service says; programs read any.`,
        tags: ['Services'],
        params: Type.Object({ id: Type.String() }),
      },
    },
    async (request, reply) => run(request.params.id, request, reply),
  );
  // The router's parameter ends at a slash, and every id has one.
  app.post(
    '/v1/services/*',
    { config, schema: { ...schema, hide: true, params: Type.Object({ '*': Type.String() }) } },
    async (request, reply) => run(request.params['*'], request, reply),
  );
}

function answerOf(
  service: string,
  job: JobSpec,
  { done, node, timings }: JobResult,
  reader: Pick<OutputReader, 'output' | 'reasoningTokens'>,
): ServiceAnswer {
  const usage = usageOf(done.usage, reader.reasoningTokens());
  return {
    status: 'ok',
    service,
    job_id: job.id,
    node_id: node.id,
    model: job.model,
    output: reader.output(),
    ...(usage.total_tokens === 0 ? {} : { usage }),
    receipt: { id: job.receiptId, url: `/v1/jobs/${job.id}/receipt` },
    latency_ms: Math.round(timings.totalMs),
  };
}
