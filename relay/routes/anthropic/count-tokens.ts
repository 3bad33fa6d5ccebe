import type { CountTokensRequest, TokenCount } from '../../../shared/api/messages.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import { gatherAnswer } from '../../jobs/answer/gather-answer.ts';
import { sendAnswer } from '../http/send-json.ts';
import type { Answer } from './messages.ts';
import { type MessagesOrder, readMessagesRequest } from './messages-request.ts';

/**
 * The job that tells how long a prompt is: only its node has the model's tokenizer and template, and tells what it has read
 * once it has answered. Errors: those of `readMessagesRequest`.
 */
export function readCountRequest(body: CountTokensRequest): MessagesOrder {
  const { input, ...order } = readMessagesRequest(body);
  // What the answer has to look like is no part of the prompt, and one token is no answer in any form.
  const { format: _format, toolChoice, parallelToolCalls: _parallel, ...prompt } = input;
  const offered = toolChoice === 'none' ? { toolChoice } : {};
  return { ...order, stream: false, input: { ...prompt, ...offered, maxTokens: 1 } };
}

export const answerCount: Answer = async (job, _order, { reply, headers, hangUp }, services) => {
  // What comes of it nobody reads; it is gathered so that another node may try again.
  const sink = { ...gatherAnswer(1).sink, judge: assertCounted };
  const { node, done } = await services.jobs.run(job, sink, hangUp.controller);
  const count: TokenCount = { input_tokens: done.usage.inputTokens };
  return sendAnswer(reply, { ...headers, 'x-sparewatt-node': node.id }, count);
};

/** Machines that are asked over HTTP may keep to themselves what they have read. */
function assertCounted({ usage }: DoneFrame): void {
  if (usage.inputTokens > 0) return;
  throw new Problem('node_fault', 'The node does not tell how many tokens it has read. Choose another model.');
}
