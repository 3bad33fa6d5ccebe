import type { FastifyReply, FastifyRequest } from 'fastify';
import { InputTokens, ResponseEvent, ResponseObject, ResponsesRequest } from '../../../shared/api/responses.ts';
import type { Problem } from '../../../shared/problems/problem.ts';
import { gatherAnswer } from '../../jobs/answer/gather-answer.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { sendAnswer } from '../http/send-json.ts';
import { answerInOwnTerms, type OwnTermsOrder } from './chat-in-own-terms.ts';
import { answerCount, COUNTED_BY_A_NODE, countOrder } from './prompt-count.ts';
import { itemsOf, responseWriter, statusOf } from './response-object.ts';
import { createResponseStream } from './response-stream.ts';
import { readResponseTools } from './response-tools.ts';
import { readResponsesRequest } from './responses-request.ts';
import { type Caller, runOf, streamRun, unixSeconds } from './stream-answer.ts';
import type { AnsweredJob, WholeAnswer } from './whole-answer.ts';

/** For the documentation alone, as that of chats is. */
const ANSWER = {
  description:
    'The whole response, or with `stream: true` server-sent events, the last of which is `response.completed`, ' +
    '`response.incomplete` or `response.failed`. Responses are not kept: each request brings its whole conversation, and there ' +
    'is nothing to be fetched, continued or cancelled by an id.',
  content: { 'application/json': { schema: ResponseObject }, 'text/event-stream': { schema: ResponseEvent } },
};

/** OpenAI's newer routes for what a chat does: the same job in other words. */
export function registerResponsesRoutes(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  const answer = (
    request: FastifyRequest<{ Body: ResponsesRequest }>,
    reply: FastifyReply,
    order: OwnTermsOrder,
    answerOf: Answer,
  ): Promise<FastifyReply> => {
    const asker = { request, reply, hangUp: hangUpOf(reply.raw) };
    const answered = (job: JobSpec, caller: Caller) => answerOf(job, order, request.body, caller, services);
    return answerInOwnTerms(order, asker, answered, services);
  };
  app.post(
    '/v1/responses',
    {
      config: { access: 'inference' },
      schema: {
        summary: 'Answer a conversation, in the form of the Responses API',
        tags: ['OpenAI'],
        body: ResponsesRequest,
        response: { 200: ANSWER },
      },
    },
    async (request, reply) => {
      const order = readResponsesRequest(request.body);
      return answer(request, reply, order, order.stream ? answerInEvents : answerWhole);
    },
  );
  app.post(
    '/v1/responses/input_tokens',
    {
      config: { access: 'inference' },
      schema: {
        summary: 'How many tokens the input of a response has for its model',
        description: COUNTED_BY_A_NODE,
        tags: ['OpenAI'],
        body: ResponsesRequest,
        response: { 200: InputTokens },
      },
    },
    async (request, reply) => answer(request, reply, countOrder(readResponsesRequest(request.body)), answerInputTokens),
  );
}

type Answer = (
  job: JobSpec,
  order: OwnTermsOrder,
  body: ResponsesRequest,
  caller: Caller,
  services: RelayServices,
) => Promise<FastifyReply>;

const answerInputTokens: Answer = (job, _order, _body, caller, services) =>
  answerCount(
    job,
    caller,
    services,
    (tokens): InputTokens => ({ object: 'response.input_tokens', input_tokens: tokens }),
  );

const answerWhole: Answer = async (job, _order, body, { reply, headers, hangUp }, services) => {
  const answer = responseAnswer(job, body);
  const { node, done } = await services.jobs.run(job, answer.sink, hangUp.controller);
  return sendAnswer(reply, { ...headers, 'x-sparewatt-node': node.id }, answer.of(done));
};

/** The whole response. */
export function responseAnswer({ id }: AnsweredJob, body: ResponsesRequest): WholeAnswer {
  const responseOf = responseWriter(`resp_${id}`, unixSeconds(), body);
  const tools = readResponseTools(body.tools);
  const answer = gatherAnswer(1);
  return {
    sink: answer.sink,
    of: ({ finishReason, usage }): ResponseObject => {
      const status = statusOf(finishReason);
      const output = answer.gathered().flatMap((one) => itemsOf(one, status, tools));
      return responseOf({ status, output, usage, reasoningTokens: answer.reasoningTokens() });
    },
  };
}

const answerInEvents: Answer = (job, { inOwnTerms }, body, caller, services) => {
  const stream = createResponseStream({
    reply: caller.reply,
    responseOf: responseWriter(`resp_${job.id}`, unixSeconds(), body),
    tools: readResponseTools(body.tools),
    onTooSlow: (problem) => caller.hangUp.controller.abort(problem),
    inOwnTerms: (problem) => inOwnTerms(problem) as Problem,
  });
  return streamRun(runOf(job, services), stream, caller, services);
};
