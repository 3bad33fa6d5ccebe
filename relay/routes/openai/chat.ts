import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ChatCompletion, ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { ErrorResponse } from '../../../shared/api/errors.ts';
import { toProblem } from '../../../shared/problems/problem.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { JobResult } from '../../jobs/run-job.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { answerHeaders, ignoredHeader } from '../answer-headers.ts';
import { abortOnHangUp } from '../hang-up.ts';
import { sendJson } from '../send-json.ts';
import { createAnswerStream } from './answer-stream.ts';
import { type ChatOrder, readChatRequest } from './chat-request.ts';
import { usageOf } from './usage.ts';

/** A stream that has been accepted but has nothing to say yet sends its head after this, so that proxies keep it. */
const BEGIN_AFTER_MS = 5_000;

export function registerChatRoute(app: RelayApp, services: RelayServices): void {
  app.post(
    '/v1/chat/completions',
    {
      config: { access: 'client' },
      schema: {
        summary: 'Answer a conversation',
        tags: ['OpenAI'],
        body: ChatCompletionRequest,
        response: { '4xx': ErrorResponse, '5xx': ErrorResponse },
        // The 200 answer is documented in openapi.ts: it is JSON or a stream, and is written by hand for speed.
      },
    },
    async (request, reply) => {
      const order = readChatRequest(request.body);
      services.models.assertKnown(order.model);
      const job = services.newJob(request, {
        type: 'llm',
        model: order.model,
        stream: order.stream,
        input: order.input,
      });
      reply.headers({ ...answerHeaders(job), ...ignoredHeader(order.ignored) });
      return order.stream ? answerInStream(job, order, request, reply, services) : answerWhole(job, reply, services);
    },
  );
}

async function answerWhole(job: JobSpec, reply: FastifyReply, services: RelayServices): Promise<FastifyReply> {
  const hangUp = abortOnHangUp(reply.raw);
  let content = '';
  const sink = {
    text: (text: string) => {
      content += text;
    },
  };
  const result = await services.jobs.run(job, sink, hangUp.signal).finally(hangUp.stop);
  reply.header('x-sparewatt-node', result.node.id);
  return sendJson(reply, completionOf(job, content, result));
}

function completionOf(job: JobSpec, content: string, { done }: JobResult): ChatCompletion {
  return {
    id: `chatcmpl-${job.id}`,
    object: 'chat.completion',
    created: unixSeconds(),
    model: job.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        finish_reason: done.finishReason,
        logprobs: null,
      },
    ],
    usage: usageOf(done.usage),
  };
}

/**
 * Errors before the first token keep their HTTP status, since the head has not been sent; later ones become an event.
 */
async function answerInStream(
  job: JobSpec,
  order: ChatOrder,
  request: FastifyRequest,
  reply: FastifyReply,
  services: RelayServices,
): Promise<FastifyReply> {
  const hangUp = abortOnHangUp(reply.raw);
  const stream = createAnswerStream({
    reply,
    requestId: request.id,
    id: `chatcmpl-${job.id}`,
    createdS: unixSeconds(),
    model: job.model,
    includeUsage: order.includeUsage,
    onTooSlow: hangUp.abort,
  });
  let beginTimer: ReturnType<typeof setTimeout> | undefined;
  const begin = (nodeId: string): void => {
    clearTimeout(beginTimer);
    if (stream.begun) return;
    stream.begin({ ...(reply.getHeaders() as Record<string, string>), 'x-sparewatt-node': nodeId });
  };
  let nodeId = '';
  try {
    const result = await services.jobs.run(
      job,
      {
        accepted: (node) => {
          nodeId = node.id;
          beginTimer ??= setTimeout(() => begin(nodeId), BEGIN_AFTER_MS);
        },
        text: (text) => {
          begin(nodeId);
          stream.text(text);
        },
      },
      hangUp.signal,
    );
    begin(result.node.id);
    stream.end(result.done);
  } catch (error) {
    clearTimeout(beginTimer);
    if (!stream.begun) throw error;
    stream.fail(toProblem(error));
  } finally {
    hangUp.stop();
  }
  return reply;
}

function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
