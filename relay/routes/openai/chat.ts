import type { FastifyReply } from 'fastify';
import { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { ErrorResponse } from '../../../shared/api/errors.ts';
import { toProblem } from '../../../shared/problems/problem.ts';
import type { JobSpec } from '../../jobs/job.ts';
import { type Affinity, affinityOf } from '../../scheduler/affinity.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { answerHeaders, ignoredHeader } from '../answer-headers.ts';
import { type HangUp, watchHangUps } from '../hang-up.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import { readRoutingOptions } from '../routing-options.ts';
import { sendAnswer } from '../send-json.ts';
import { gatherAnswer } from './answer-choices.ts';
import { assertSomeNodeGives } from './answer-limits.ts';
import { createAnswerStream } from './answer-stream.ts';
import { withPictures } from './chat-pictures.ts';
import { type ChatOrder, readChatRequest } from './chat-request.ts';
import { assertHeld } from './held-answer.ts';
import { usageOf } from './usage.ts';

/** A stream that has nothing to say yet sends its head after this, so that proxies keep it. */
const BEGIN_AFTER_MS = 5_000;
/** While it waits for a node it then tells so, as often. */
const QUEUED_EVERY_MS = 5_000;

/** For the documentation alone: both forms are written by hand, and text passes the serialiser untouched. */
const ANSWER = {
  description:
    'The whole answer, or with `stream: true` server-sent events: each `data:` line holds one chunk, the last one ' +
    '`[DONE]`. A stream that cannot finish ends with `data: {"error": …}` instead. While it waits for a node for more than ' +
    'five seconds, comments such as `: queued 7` tell how many do.',
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
      config: { access: 'inference' },
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
      const [picture] = order.pictures;
      if (picture !== undefined) services.models.assertSees(order.model, picture.param);
      if (!isPlain(order)) assertSomeNodeGives(order.model, order.input, services.table);
      const job = services.newJob(request, {
        type: 'llm',
        model: order.model,
        // Only a plain text can travel in the node's last message.
        stream: order.stream || !isPlain(order),
        input: order.input,
        affinity: conversationOf(request.body, order, request.principal.keyId),
        ...readRoutingOptions(request.body.routing, services),
      });
      const headers = {
        ...answerHeaders(job),
        ...ignoredHeader(order.ignored),
        ...rateLimitHeaders(request.principal, services.rateLimits),
      };
      const hangUp = hangUpOf(reply.raw);
      try {
        const seen = picture === undefined ? job : await withPictures(job, order, { request, hangUp }, services);
        return order.stream
          ? await answerInStream(seen, order, { reply, headers, hangUp }, services)
          : await answerWhole(seen, order, { reply, headers, hangUp }, services);
      } catch (error) {
        reply.headers(headers);
        throw error;
      } finally {
        hangUp.stop();
      }
    },
  );
}

type Caller = {
  readonly reply: FastifyReply;
  /** Of the answer, also when it is an error. */
  readonly headers: Readonly<Record<string, string>>;
  readonly hangUp: HangUp;
};

function conversationOf(body: ChatCompletionRequest, order: ChatOrder, apiKeyId: string): Affinity | undefined {
  const { prompt_cache_key: cacheKey, user } = body;
  return affinityOf({ model: order.model, apiKeyId, cacheKey, user, messages: order.input.messages });
}

function isPlain({ input }: ChatOrder): boolean {
  return input.tools === undefined && input.choices === undefined && input.topLogprobs === undefined;
}

async function answerWhole(
  job: JobSpec,
  { input }: ChatOrder,
  { reply, headers, hangUp }: Caller,
  services: RelayServices,
): Promise<FastifyReply> {
  const answer = gatherAnswer(input.choices ?? 1, input.topLogprobs !== undefined);
  const { node, done } = await services.jobs.run(job, answer.sink, hangUp.controller);
  const choices = answer.choices(done);
  assertHeld(input, choices);
  const completion: ChatCompletion = {
    id: `chatcmpl-${job.id}`,
    object: 'chat.completion',
    created: unixSeconds(),
    model: job.model,
    choices,
    usage: usageOf(done.usage),
  };
  return sendAnswer(reply, { ...headers, 'x-sparewatt-node': node.id }, completion);
}

/**
 * Errors before the first token keep their HTTP status, since the head has not been sent; later ones become an event.
 */
async function answerInStream(
  job: JobSpec,
  order: ChatOrder,
  { reply, headers, hangUp }: Caller,
  services: RelayServices,
): Promise<FastifyReply> {
  const stream = createAnswerStream({
    reply,
    requestId: reply.request.id,
    id: `chatcmpl-${job.id}`,
    createdS: unixSeconds(),
    model: job.model,
    includeUsage: order.includeUsage,
    choices: order.input.choices ?? 1,
    onTooSlow: (problem) => hangUp.controller.abort(problem),
  });
  let nodeId = '';
  const begin = (): void => {
    if (stream.begun) return;
    clearTimeout(timer);
    const served = nodeId === '' ? {} : { 'x-sparewatt-node': nodeId };
    stream.begin({ 'x-request-id': reply.request.id, ...headers, ...served });
  };
  const tellOfWaiting = (): void => {
    begin();
    if (nodeId !== '') return;
    stream.comment(`queued ${services.scheduler.waiting()}`);
    timer = setTimeout(tellOfWaiting, QUEUED_EVERY_MS);
  };
  let timer = setTimeout(tellOfWaiting, BEGIN_AFTER_MS);
  try {
    const result = await services.jobs.run(
      job,
      {
        accepted: (node) => {
          nodeId = node.id;
        },
        text: (text, _tokens, more) => {
          begin();
          stream.text(text, more);
        },
        toolCall: (piece) => {
          begin();
          stream.toolCall(piece);
        },
      },
      hangUp.controller,
    );
    nodeId = result.node.id;
    begin();
    stream.end(result.done);
  } catch (error) {
    if (!stream.begun) throw error;
    stream.fail(toProblem(error));
  } finally {
    clearTimeout(timer);
  }
  return reply;
}

function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
