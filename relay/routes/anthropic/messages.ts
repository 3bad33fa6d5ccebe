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
import { watchHangUps } from '../http/hang-up.ts';
import { sendAnswer } from '../http/send-json.ts';
import { answerInOwnTerms, type OwnTermsOrder } from '../openai/chat-in-own-terms.ts';
import { answerCount, COUNTED_BY_A_NODE, countOrder } from '../openai/prompt-count.ts';
import { type Caller, type Run, streamRun } from '../openai/stream-answer.ts';
import { assertCallable, blocksOf, endingOf, messageOf, usageOf } from './message-object.ts';
import { createMessageStream } from './message-stream.ts';
import { readMessagesRequest } from './messages-request.ts';
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
  const answer = (
    request: FastifyRequest,
    reply: FastifyReply,
    order: OwnTermsOrder,
    answerOf: Answer,
  ): Promise<FastifyReply> => {
    // The name by which Anthropic's clients look for it.
    const headers = { 'request-id': request.id };
    const asker = { request, reply, hangUp: hangUpOf(reply.raw), headers, form: CONFIG.errorForm };
    return answerInOwnTerms(order, asker, (job, caller) => answerOf(job, order, caller, services), services);
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
type Answer = (job: JobSpec, order: OwnTermsOrder, caller: Caller, services: RelayServices) => Promise<FastifyReply>;

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
