import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  AnthropicError,
  CountTokensRequest,
  MessageEvent,
  MessageObject,
  MessagesRequest,
  TokenCount,
} from '../../../shared/api/messages.ts';
import type { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import { gatherAnswer } from '../../jobs/answer/gather-answer.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { answerHeaders, ignoredHeader } from '../answer-headers.ts';
import { watchHangUps } from '../hang-up.ts';
import { newChatJob } from '../openai/chat.ts';
import { withPictures } from '../openai/chat-pictures.ts';
import { answerCount, COUNTED_BY_A_NODE, countOrder } from '../openai/prompt-count.ts';
import { type Caller, type Run, streamRun } from '../openai/stream-answer.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import { sendAnswer } from '../send-json.ts';
import { assertCallable, blocksOf, endingOf, messageOf, usageOf } from './message-object.ts';
import { createMessageStream } from './message-stream.ts';
import { type MessagesOrder, readMessagesRequest } from './messages-request.ts';
import { keepToolInputs } from './tool-input.ts';

/** For the documentation alone, as that of chats is. */
const ANSWER = {
  description:
    'The whole message, or with `stream: true` server-sent events, the last of which is `message_stop`, or `error` when the ' +
    'message could not be finished. How many tokens were read is told at the end, in `message_delta`.',
  content: { 'application/json': { schema: MessageObject }, 'text/event-stream': { schema: MessageEvent } },
};
const ERRORS = { '4xx': AnthropicError, '5xx': AnthropicError };
const CONFIG = { access: 'inference', errorForm: 'anthropic', beforeChecks: keepToolInputs } as const;

/** Anthropic's routes for what a chat does: the same job in other words. */
export function registerMessagesRoutes(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  const answer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    order: MessagesOrder,
    answerOf: Answer,
  ): Promise<FastifyReply> => {
    const hangUp = hangUpOf(reply.raw);
    let headers: Record<string, string> = {};
    try {
      const job = newChatJob(request, order.chat, order, services);
      headers = {
        // The name by which Anthropic's clients look for it.
        'request-id': request.id,
        ...answerHeaders(job),
        ...ignoredHeader(order.ignored),
        ...rateLimitHeaders(request.principal, services, CONFIG.errorForm),
      };
      const seen = await withPictures(job, order, { request, hangUp }, services);
      return await answerOf(seen, order, { reply, headers, hangUp }, services);
    } catch (error) {
      reply.headers(headers);
      throw order.inOwnTerms(error);
    } finally {
      hangUp.stop();
    }
  };
  app.post(
    '/v1/messages',
    {
      config: CONFIG,
      schema: {
        summary: 'Answer a conversation, in the form of Anthropic’s Messages API',
        tags: ['Anthropic'],
        body: MessagesRequest,
        response: { 200: ANSWER, ...ERRORS },
      },
    },
    async (request, reply) => {
      const order = readMessagesRequest(request.body);
      return answer(request, reply, order, order.stream ? answerInEvents : answerWhole);
    },
  );
  app.post(
    '/v1/messages/count_tokens',
    {
      config: CONFIG,
      schema: {
        summary: 'How many tokens a conversation has for its model',
        description: COUNTED_BY_A_NODE,
        tags: ['Anthropic'],
        body: CountTokensRequest,
        response: { 200: TokenCount, ...ERRORS },
      },
    },
    async (request, reply) => answer(request, reply, countOrder(readMessagesRequest(request.body)), answerTokenCount),
  );
}

/** Runs the job of an order and sends what comes of it. */
type Answer = (job: JobSpec, order: MessagesOrder, caller: Caller, services: RelayServices) => Promise<FastifyReply>;

const answerTokenCount: Answer = (job, _order, caller, services) =>
  answerCount(job, caller, services, (tokens): TokenCount => ({ input_tokens: tokens }));

const answerWhole: Answer = async (job, _order, { reply, headers, hangUp }, services) => {
  const { sink, gathered } = gatherAnswer(1);
  const judge = (done: DoneFrame): void => {
    for (const { calls } of gathered()) assertCallable(calls, done);
  };
  const { node, done } = await services.jobs.run(job, { ...sink, judge }, hangUp.controller);
  const message = messageOf(job, {
    content: gathered().flatMap(blocksOf),
    ...endingOf(done, job),
    usage: usageOf(done.usage),
  });
  return sendAnswer(reply, { ...headers, 'x-sparewatt-node': node.id }, message);
};

const answerInEvents: Answer = (job, { inOwnTerms }, caller, services) => {
  const stream = createMessageStream({
    reply: caller.reply,
    job,
    onTooSlow: (problem) => caller.hangUp.controller.abort(problem),
    inOwnTerms: (problem) => inOwnTerms(problem) as Problem,
  });
  const run: Run = (sink, controller) => services.jobs.run(job, { ...sink, judge: stream.judge }, controller);
  return streamRun(run, stream, caller, services);
};
