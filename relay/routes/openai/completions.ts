import type { FastifyReply } from 'fastify';
import { Completion, CompletionRequest } from '../../../shared/api/completions.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import type { Principal } from '../../access/api-keys.ts';
import { finishReasonOf, type GatheredAnswer, gatherAnswer } from '../../jobs/answer/gather-answer.ts';
import type { AnswerSink } from '../../jobs/attempt.ts';
import type { JobSpec } from '../../jobs/job.ts';
import { affinityOf } from '../../scheduler/affinity.ts';
import type { JobOrder, RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { sendAnswer } from '../http/send-json.ts';
import { ignoredHeader, jointAnswerHeaders } from '../jobs/answer-headers.ts';
import { readRoutingOptions } from '../routing/routing-options.ts';
import { assertSomeNodeGives } from './answer-limits.ts';
import { completionForm, completionLogprobs } from './completion-form.ts';
import { type CompletionOrder, readCompletionRequest } from './completion-request.ts';
import { jointResult, runJointly, sinkAt } from './joint-jobs.ts';
import { type Caller, type Run, streamAnswer, unixSeconds } from './stream-answer.ts';
import { usageOf } from './usage.ts';
import type { AnsweredJob, WholeAnswer } from './whole-answer.ts';

/** For the documentation alone, as that of chats is. */
const ANSWER = {
  description:
    'The whole answer, or with `stream: true` server-sent events as those of chats: each `data:` line holds one ' +
    'completion with the next text of a choice, the last one `[DONE]`. Each prompt is a job of its own and counts as a request; ' +
    'headers that name jobs, receipts and nodes then list one for each prompt, but a stream names the first node alone.',
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
        response: { 200: ANSWER },
      },
    },
    async (request, reply) => {
      const order = readCompletionRequest(request.body);
      const { model, inputs } = order;
      services.models.assertKnown(model, 'llm');
      for (const input of inputs) assertSomeNodeGives(model, input, services.table);
      const jobs = services.newJobs(request, model, ordersOf(order, request, services));
      const headers = {
        ...jointAnswerHeaders(jobs),
        ...ignoredHeader(order.ignored),
        ...rateLimitHeaders(request.principal, services),
      };
      const caller = { reply, headers, hangUp: hangUpOf(reply.raw) };
      try {
        return await (order.stream ? continueInStream : continueWhole)(jobs, order, caller, services);
      } catch (error) {
        reply.headers(headers);
        throw error;
      } finally {
        caller.hangUp.stop();
      }
    },
  );
}

/** A job for each prompt. */
function ordersOf({ model, inputs, stream }: CompletionOrder, request: Asked, services: RelayServices): JobOrder[] {
  const { prompt_cache_key: cacheKey, user, routing } = request.body;
  const apiKeyId = request.principal.keyId;
  const options = readRoutingOptions(routing, services);
  return inputs.map((input) => ({
    type: 'llm',
    model,
    // Only one plain text can travel in the node's last message.
    stream: stream || input.choices !== undefined || input.topLogprobs !== undefined,
    input,
    affinity: affinityOf({ model, apiKeyId, cacheKey, user, messages: input.messages }),
    ...options,
  }));
}

type Asked = { readonly body: CompletionRequest; readonly principal: Principal };

type Continue = (
  jobs: readonly JobSpec[],
  order: CompletionOrder,
  caller: Caller,
  services: RelayServices,
) => Promise<FastifyReply>;

const continueInStream: Continue = (jobs, { model, choices, echoedIn, includeUsage }, caller, services) => {
  const form = completionForm(echoedIn);
  const run: Run = async (whole, controller) => {
    const sinkOf = (place: number): AnswerSink => sinkAt(place, choices, whole, controller.signal);
    return jointResult(await runJointly(jobs, sinkOf, controller, services.jobs), choices);
  };
  const answer = { form, id: idOf(jobs), model, includeUsage, choices: jobs.length * choices };
  return streamAnswer(run, answer, caller, services);
};

const continueWhole: Continue = async (jobs, order, { reply, headers, hangUp }, services) => {
  const answers = jobs.map(() => gatherAnswer(order.choices));
  const sinkOf = (place: number): AnswerSink => answers[place]?.sink ?? {};
  const results = await runJointly(jobs, sinkOf, hangUp.controller, services.jobs);
  const completion = completionOf(jobs, order, answers, jointResult(results, order.choices).done);
  const nodes = results.map(({ node }) => node.id).join(', ');
  return sendAnswer(reply, { ...headers, 'x-sparewatt-node': nodes }, completion);
};

/** The body of the answer to one prompt. */
export function completionAnswer(job: AnsweredJob, order: CompletionOrder): WholeAnswer {
  const answer = gatherAnswer(order.choices);
  return { sink: answer.sink, of: (done) => completionOf([job], order, [answer], done) };
}

function completionOf(
  jobs: readonly AnsweredJob[],
  order: CompletionOrder,
  answers: readonly GatheredAnswer[],
  done: DoneFrame,
): Completion {
  return {
    id: idOf(jobs),
    object: 'text_completion',
    created: unixSeconds(),
    model: order.model,
    choices: answers
      .flatMap((answer) => answer.gathered())
      .map(({ content, logprobs }, index) => ({
        text: order.echoedIn(index) + content,
        index,
        logprobs: order.withLogprobs ? completionLogprobs(logprobs) : null,
        finish_reason: finishReasonOf(done, index),
      })),
    usage: usageOf(done.usage),
  };
}

function idOf([first]: readonly AnsweredJob[]): string {
  return `cmpl-${first?.id}`;
}
