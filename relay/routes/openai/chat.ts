import type { FastifyReply, FastifyRequest } from 'fastify';
import { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest } from '../../../shared/api/chat.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';
import { gatherAnswer } from '../../jobs/answer/gather-answer.ts';
import type { JobSpec } from '../../jobs/job.ts';
import { type Affinity, affinityOf } from '../../scheduler/affinity.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { sendAnswer } from '../http/send-json.ts';
import { answerHeaders, ignoredHeader } from '../jobs/answer-headers.ts';
import { readRoutingOptions } from '../routing/routing-options.ts';
import { choiceOf } from './answer-choices.ts';
import { CHAT_FORM } from './answer-form.ts';
import { assertSomeNodeGives } from './answer-limits.ts';
import { withPictures } from './chat-pictures.ts';
import { type ChatOrder, readChatRequest } from './chat-request.ts';
import { type Caller, runOf, type StreamedAnswer, streamAnswer, unixSeconds } from './stream-answer.ts';
import { usageOf } from './usage.ts';
import type { AnsweredJob, WholeAnswer } from './whole-answer.ts';

/** For the documentation alone: both forms are written by hand, and text passes the serialiser untouched. */
const ANSWER = {
  description:
    'The whole answer, or with `stream: true` server-sent events: each `data:` line holds one chunk, the last one ' +
    '`[DONE]`. A stream that cannot finish ends with `data: {"error": …}` instead. Where it is silent for more than ' +
    'five seconds, comments such as `: queued 7` tell how many wait for a node, or that one is at work (`: working`).',
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
        response: { 200: ANSWER },
      },
    },
    async (request, reply) => {
      const order = readChatRequest(request.body);
      const job = newChatJob(request, request.body, order, services);
      const headers = {
        ...answerHeaders(job),
        ...ignoredHeader(order.ignored),
        ...rateLimitHeaders(request.principal, services),
      };
      const hangUp = hangUpOf(reply.raw);
      try {
        const seen = order.pictures.length === 0 ? job : await withPictures(job, order, { request, hangUp }, services);
        return order.stream
          ? await streamAnswer(runOf(seen, services), streamOf(seen, order), { reply, headers, hangUp }, services)
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

/** The job of a conversation. Errors: those of `newJob`, and for what its model or its nodes do not do. */
export function newChatJob(
  request: FastifyRequest,
  body: ChatCompletionRequest,
  order: ChatOrder,
  services: RelayServices,
): JobSpec {
  services.models.assertKnown(order.model, 'llm');
  assertFits(order, services);
  return services.newJob(request, {
    type: 'llm',
    model: order.model,
    stream: order.stream || !isPlain(order),
    input: order.input,
    affinity: conversationOf(body, order, request.principal.keyId),
    ...readRoutingOptions(body.routing, services),
  });
}

/** Whether a model that is known reads what is shown to it, and some node of it gives what is wished for. */
export function assertFits(order: ChatOrder, { models, table }: Pick<RelayServices, 'models' | 'table'>): void {
  const [picture] = order.pictures;
  if (picture !== undefined) models.assertSees(order.model, picture.param);
  if (!isPlain(order)) assertSomeNodeGives(order.model, order.input, table);
}

function conversationOf(body: ChatCompletionRequest, order: ChatOrder, apiKeyId: string): Affinity | undefined {
  const { prompt_cache_key: cacheKey, user } = body;
  return affinityOf({ model: order.model, apiKeyId, cacheKey, user, messages: order.input.messages });
}

/** Only such an answer can travel in the node's last message. */
export function isPlain({ input }: Pick<ChatOrder, 'input'>): boolean {
  return input.tools === undefined && input.choices === undefined && input.topLogprobs === undefined;
}

async function answerWhole(
  job: JobSpec,
  { input }: ChatOrder,
  { reply, headers, hangUp }: Caller,
  services: RelayServices,
): Promise<FastifyReply> {
  const answer = chatAnswer(job, input);
  const { node, done } = await services.jobs.run(job, answer.sink, hangUp.controller);
  return sendAnswer(reply, { ...headers, 'x-sparewatt-node': node.id }, answer.of(done));
}

/** The body of a chat's answer. */
export function chatAnswer({ id, model }: AnsweredJob, { choices: count = 1, topLogprobs }: ChatInput): WholeAnswer {
  const answer = gatherAnswer(count);
  return {
    sink: answer.sink,
    of: (done): ChatCompletion => ({
      id: `chatcmpl-${id}`,
      object: 'chat.completion',
      created: unixSeconds(),
      model,
      choices: answer.gathered().map((choice, index) => choiceOf(choice, index, done, topLogprobs !== undefined)),
      usage: usageOf(done.usage, answer.reasoningTokens()),
    }),
  };
}

function streamOf({ id, model }: JobSpec, { input, includeUsage }: ChatOrder): StreamedAnswer {
  return { form: CHAT_FORM, id: `chatcmpl-${id}`, model, includeUsage, choices: input.choices ?? 1 };
}
