import type { FastifyReply } from 'fastify';
import { Completion, CompletionRequest } from '../../../shared/api/completions.ts';
import { ErrorResponse } from '../../../shared/api/errors.ts';
import type { JobSpec } from '../../jobs/job.ts';
import { affinityOf } from '../../scheduler/affinity.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { answerHeaders, ignoredHeader } from '../answer-headers.ts';
import { watchHangUps } from '../hang-up.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import { readRoutingOptions } from '../routing-options.ts';
import { sendAnswer } from '../send-json.ts';
import { finishReasonOf, gatherAnswer } from './answer-choices.ts';
import { assertSomeNodeGives } from './answer-limits.ts';
import { completionForm, completionLogprobs } from './completion-form.ts';
import { type CompletionOrder, readCompletionRequest } from './completion-request.ts';
import { type Caller, streamAnswer, unixSeconds } from './stream-answer.ts';
import { usageOf } from './usage.ts';

/** For the documentation alone, as that of chats is. */
const ANSWER = {
  description:
    'The whole answer, or with `stream: true` server-sent events as those of chats: each `data:` line holds one ' +
    'completion with the next text of a choice, the last one `[DONE]`.',
  content: { 'application/json': { schema: Completion }, 'text/event-stream': { schema: Completion } },
};

/** OpenAI's older route, by which base models and editors are asked: the model continues a text. */
export function registerCompletionRoute(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  app.post(
    '/v1/completions',
    {
      config: { access: 'inference' },
      schema: {
        summary: 'Continue a text',
        tags: ['OpenAI'],
        body: CompletionRequest,
        response: { 200: ANSWER, '4xx': ErrorResponse, '5xx': ErrorResponse },
      },
    },
    async (request, reply) => {
      const order = readCompletionRequest(request.body);
      const { model, input } = order;
      services.models.assertKnown(model, 'llm');
      assertSomeNodeGives(model, input, services.table);
      const { prompt_cache_key: cacheKey, user, routing } = request.body;
      const apiKeyId = request.principal.keyId;
      const job = services.newJob(request, {
        type: 'llm',
        model,
        // Only one plain text can travel in the node's last message.
        stream: order.stream || input.choices !== undefined || input.topLogprobs !== undefined,
        input,
        affinity: affinityOf({ model, apiKeyId, cacheKey, user, messages: input.messages }),
        ...readRoutingOptions(routing, services),
      });
      const headers = {
        ...answerHeaders(job),
        ...ignoredHeader(order.ignored),
        ...rateLimitHeaders(request.principal, services.rateLimits),
      };
      const caller = { reply, headers, hangUp: hangUpOf(reply.raw) };
      try {
        return await (order.stream ? continueInStream : continueWhole)(job, order, caller, services);
      } catch (error) {
        reply.headers(headers);
        throw error;
      } finally {
        caller.hangUp.stop();
      }
    },
  );
}

type Continue = (
  job: JobSpec,
  order: CompletionOrder,
  caller: Caller,
  services: RelayServices,
) => Promise<FastifyReply>;

const continueInStream: Continue = (job, { input, echoed, includeUsage }, caller, services) => {
  const form = completionForm(echoed);
  return streamAnswer(job, { form, id: `cmpl-${job.id}`, includeUsage, choices: input.choices ?? 1 }, caller, services);
};

const continueWhole: Continue = async (job, { input, echoed }, { reply, headers, hangUp }, services) => {
  const answer = gatherAnswer(input.choices ?? 1);
  const { node, done } = await services.jobs.run(job, answer.sink, hangUp.controller);
  const completion: Completion = {
    id: `cmpl-${job.id}`,
    object: 'text_completion',
    created: unixSeconds(),
    model: job.model,
    choices: answer.gathered().map(({ content, logprobs }, index) => ({
      text: echoed + content,
      index,
      logprobs: input.topLogprobs === undefined ? null : completionLogprobs(logprobs),
      finish_reason: finishReasonOf(done, index),
    })),
    usage: usageOf(done.usage),
  };
  return sendAnswer(reply, { ...headers, 'x-sparewatt-node': node.id }, completion);
};
