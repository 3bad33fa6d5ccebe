import type { Choice, Logprobs, MadeToolCall } from '../../../shared/api/chat.ts';
import type { DoneFrame, TokenLogprob } from '../../../shared/protocol/messages.ts';
import { finishReasonOf, type Gathered, type GatheredCall } from '../../jobs/answer/gather-answer.ts';
import { newId } from '../../jobs/id.ts';

/** A choice as a chat's answer has it. */
export function choiceOf(
  { content, calls, logprobs }: Gathered,
  index: number,
  done: DoneFrame,
  withLogprobs: boolean,
): Choice {
  const hasCalls = calls.length > 0;
  return {
    index,
    message: {
      role: 'assistant',
      // A call without words has no content, rather than an empty one.
      content: hasCalls && content === '' ? null : content,
      refusal: null,
      ...(hasCalls ? { tool_calls: calls.map(toolCallOf) } : {}),
    },
    finish_reason: finishReasonOf(done, index),
    logprobs: withLogprobs ? logprobsOf(logprobs) : null,
  };
}

function toolCallOf({ name, arguments: text }: GatheredCall): MadeToolCall {
  return { id: newId('call'), type: 'function', function: { name, arguments: text } };
}

/** Probabilities in OpenAI's shape. */
export function logprobsOf(logprobs: readonly TokenLogprob[]): Logprobs {
  return { content: logprobs.map(({ top, ...token }) => ({ ...token, top_logprobs: top })), refusal: null };
}
