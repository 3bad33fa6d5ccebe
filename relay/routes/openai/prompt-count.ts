import type { FastifyReply } from 'fastify';
import { Problem } from '../../../shared/problems/problem.ts';
import { isHeld } from '../../../shared/protocol/held-answer.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import { gatherAnswer } from '../../jobs/answer/gather-answer.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { RelayServices } from '../../services.ts';
import { sendAnswer } from '../http/send-json.ts';
import type { ChatOrder } from './chat-request.ts';
import type { Caller } from './stream-answer.ts';

/** For the documentation. */
export const COUNTED_BY_A_NODE =
  'A node of the model reads the conversation, since nobody else has its tokenizer, and makes one token of an answer that is ' +
  'thrown away: it is a job with a receipt, and costs what that costs. What comes next finds the conversation read.';

/**
 * The order that tells how long its prompt is: only its node has the model's tokenizer and template, and tells what it has
 * read once it has answered.
 */
export function countOrder<Order extends ChatOrder>({ input, ...order }: Order): Order {
  // What the answer has to look like is no part of the prompt, and one token is no answer in any form.
  const { format: _format, toolChoice, parallelToolCalls: _parallel, ...prompt } = input;
  const offered = toolChoice === 'none' ? { toolChoice } : {};
  // A model that thinks is told that its answer has a form.
  const thinks = isHeld(input) ? { reasoning: false as const } : {};
  return { ...order, stream: false, input: { ...prompt, ...offered, ...thinks, maxTokens: 1 } } as Order;
}

/** Runs the job of such an order and sends its count, in the form of a route. Errors: also `node_fault` where nothing was counted. */
export async function answerCount(
  job: JobSpec,
  { reply, headers, hangUp }: Caller,
  { jobs }: RelayServices,
  formOf: (inputTokens: number) => object,
): Promise<FastifyReply> {
  // What comes of it nobody reads; it is gathered so that another node may try again.
  const sink = { ...gatherAnswer(1).sink, judge: assertCounted };
  const { node, done } = await jobs.run(job, sink, hangUp.controller);
  return sendAnswer(reply, { ...headers, 'x-sparewatt-node': node.id }, formOf(done.usage.inputTokens));
}

/** Machines that are asked over HTTP may keep to themselves what they have read. */
function assertCounted({ usage }: DoneFrame): void {
  if (usage.inputTokens > 0) return;
  throw new Problem('node_fault', 'The node does not tell how many tokens it has read. Choose another model.');
}
