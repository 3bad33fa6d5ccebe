import type { FastifyReply, FastifyRequest } from 'fastify';
import { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { ErrorResponse } from '../../../shared/api/errors.ts';
import { toProblem } from '../../../shared/problems/problem.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { JobResult } from '../../jobs/run-job.ts';
import { type Affinity, affinityOf } from '../../scheduler/affinity.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { answerHeaders, ignoredHeader } from '../answer-headers.ts';
import { type HangUp, watchHangUps } from '../hang-up.ts';
import { readRoutingOptions } from '../routing-options.ts';
import { sendJson } from '../send-json.ts';
import { createAnswerStream } from './answer-stream.ts';
import { type ChatOrder, readChatRequest } from './chat-request.ts';
import { usageOf } from './usage.ts';

/** A stream that has been accepted but has nothing to say yet sends its head after this, so that proxies keep it. */
const BEGIN_AFTER_MS = 5_000;

/** For the documentation alone: both forms are written by hand, and text passes the serialiser untouched. */
const ANSWER = {
  description:
    'The whole answer, or with `stream: true` server-sent events: each `data:` line holds one chunk, the last one ' +
    '`[DONE]`. A stream that cannot finish ends with `data: {"error": …}` instead.',
  content: {
    'application/json': { schema: ChatCompletion },
    'text/event-stream': { schema: ChatCompletionChunk },
  },
};

export function registerChatRoute(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  app.post(
    '/v1/chat/completions',
    {
      config: { access: 'client' },
      schema: {
        summary: 'Answer a conversation',
        tags: ['OpenAI'],
        body: ChatCompletionRequest,
        response: { 200: ANSWER, '4xx': ErrorResponse, '5xx': ErrorResponse },
      },
    },
    async (request, reply) => {
      const order = readChatRequest(request.body);
      services.models.assertKnown(order.model, 'llm');
      const job = services.newJob(request, {
        type: 'llm',
        model: order.model,
        stream: order.stream,
        input: order.input,
        affinity: conversationOf(request.body, order, request.principal.keyId),
        ...readRoutingOptions(request.body.routing, services),
      });
      reply.headers({ ...answerHeaders(job), ...ignoredHeader(order.ignored) });
      const hangUp = hangUpOf(reply.raw);
      try {
        return order.stream
          ? await answerInStream(job, order, request, reply, hangUp, services)
          : await answerWhole(job, reply, hangUp.signal, services);
      } finally {
        hangUp.stop();
      }
    },
  );
}

function conversationOf(body: ChatCompletionRequest, order: ChatOrder, apiKeyId: string): Affinity | undefined {
  const { prompt_cache_key: cacheKey, user } = body;
  return affinityOf({ model: order.model, apiKeyId, cacheKey, user, messages: order.input.messages });
}

async function answerWhole(
  job: JobSpec,
  reply: FastifyReply,
  signal: AbortSignal,
  services: RelayServices,
): Promise<FastifyReply> {
  let content = '';
  const sink = {
    text: (text: string) => {
      content += text;
    },
    takeBack: () => {
      content = '';
    },
  };
  const result = await services.jobs.run(job, sink, signal);
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
  hangUp: HangUp,
  services: RelayServices,
): Promise<FastifyReply> {
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
  }
  return reply;
}

function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
