import type { Choice, Logprobs, MadeToolCall } from '../../../shared/api/chat.ts';
import type { DoneFrame, TokenLogprob } from '../../../shared/protocol/messages.ts';
import { finishReasonOf, type Gathered, type GatheredCall } from '../../jobs/answer/gather-answer.ts';
import { newId } from '../../jobs/id.ts';

/** A choice as a chat's answer has it. */
export function choiceOf(
  { reasoning, content, calls, logprobs }: Gathered,
  index: number,
  done: DoneFrame,
  withLogprobs: boolean,
): Choice {
  const hasCalls = calls.length > 0;
  const isCut = finishReasonOf(done, index) === 'length';
  return {
    index,
    message: {
      role: 'assistant',
      // A call without words has no content, rather than an empty one.
      content: hasCalls && content === '' ? null : content,
      refusal: null,
      ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
      ...(hasCalls ? { tool_calls: calls.map((call, at) => toolCallOf(call, isCut && at === calls.length - 1)) } : {}),
    },
    finish_reason: finishReasonOf(done, index),
    logprobs: withLogprobs ? logprobsOf(logprobs) : null,
  };
}

/** With what a tool is called that takes nothing, where its model says just that: clients read arguments as JSON. */
export const NO_ARGUMENTS = '{}';

/** The arguments as they are told, of a call that has ended or was cut off. */
export function toldArguments({ arguments: text }: { readonly arguments: string }, isCut: boolean): string {
  return text === '' && !isCut ? NO_ARGUMENTS : text;
}

function toolCallOf(call: GatheredCall, isCut: boolean): MadeToolCall {
  return { id: newId('call'), type: 'function', function: { name: call.name, arguments: toldArguments(call, isCut) } };
}

/** Probabilities in OpenAI's shape. */
export function logprobsOf(logprobs: readonly TokenLogprob[]): Logprobs {
  return { content: logprobs.map(({ top, ...token }) => ({ ...token, top_logprobs: top })), refusal: null };
}
