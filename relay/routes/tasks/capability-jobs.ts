import { CapabilityAnswer, CapabilityRequest } from '../../../shared/api/capabilities.ts';
import { sizeOf } from '../../../shared/policy/decide.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { CAPABILITY_TYPES } from '../../../shared/protocol/subjects.ts';
import { taskNamed } from '../../../shared/protocol/task-names.ts';
import { ANY_ROUTE } from '../../scheduler/routing.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { sendJson } from '../http/send-json.ts';
import { answerHeaders } from '../jobs/answer-headers.ts';
import { type AskedOfAny, chooseModel } from '../routing/choose-model.ts';

const RETRY_AFTER_MS = 1_000;

/** `POST /v1/capability/{stt,tts,ocr,image,task}`: one JSON object to a node that can, one back. */
export function registerCapabilityJobRoutes(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  for (const type of CAPABILITY_TYPES) {
    app.post(
      `/v1/capability/${type}`,
      {
        config: { access: 'inference' },
        schema: {
          summary: `Ask a node that has the capability "${type}"`,
          tags: ['Capabilities'],
          body: CapabilityRequest,
          response: { 200: CapabilityAnswer },
        },
      },
      async (request, reply) => {
        const { model: wanted, ...input } = request.body as { model?: string | null } & Record<string, unknown>;
        const task = type === 'task' && typeof input.task === 'string' ? taskNamed(input.task) : undefined;
        const asked = { type, task, size: sizeOf({ type, input }) };
        const fitting = { model: (name: string) => (wanted ?? name) === name };
        const chosen = await chooseModel(asked, request.principal, fitting, services);
        if (chosen === undefined) throw noCapacity(asked, wanted ?? undefined);
        const { model, ignore } = chosen;
        const order = { type, model, stream: false, input };
        const job = { ...services.newJob(request, order), routing: { ...ANY_ROUTE, ignore } };
        reply.headers({ ...answerHeaders(job), ...rateLimitHeaders(request.principal, services) });
        const hangUp = hangUpOf(reply.raw);
        const { done, node, timings } = await services.jobs.run(job, {}, hangUp.controller).finally(hangUp.stop);
        reply.header('x-sparewatt-node', node.id);
        const answer: CapabilityAnswer = {
          status: 'ok',
          node_id: node.id,
          job_id: job.id,
          model,
          result: done.output ?? {},
          latency_ms: Math.round(timings.totalMs),
        };
        return sendJson(reply, answer);
      },
    );
  }
}

function noCapacity({ type, task = type }: AskedOfAny, wanted: string | undefined): Problem {
  const name = task.slice(0, 64);
  const what = wanted === undefined ? `the capability "${name}"` : `the model ${wanted} for "${name}"`;
  return new Problem('no_capacity', `No node has ${what} now. Start a node that does, or try again later.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
