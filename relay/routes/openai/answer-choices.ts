import type { Choice, Logprobs, MadeToolCall } from '../../../shared/api/chat.ts';
import type { DoneFrame, TokenLogprob } from '../../../shared/protocol/messages.ts';
import type { AnswerSink } from '../../jobs/attempt.ts';
import { newId } from '../../jobs/id.ts';

/** Gathers an answer that is sent in one piece. */
export type GatheredAnswer = { readonly sink: AnswerSink; gathered(): readonly Gathered[] };

/** One choice. */
export type Gathered = { content: string; calls: MadeToolCall[]; logprobs: TokenLogprob[] };

export function gatherAnswer(count: number): GatheredAnswer {
  let gathered = empty(count);
  return {
    sink: {
      takeBack: () => {
        gathered = empty(count);
      },
      text: (text, _tokens, more) => {
        const choice = gathered[more?.choice ?? 0];
        if (choice === undefined) return;
        choice.content += text;
        if (more?.logprobs !== undefined) choice.logprobs.push(...more.logprobs);
      },
      toolCall: (piece) => {
        const choice = gathered[piece.choice ?? 0];
        if (choice === undefined) return;
        if (piece.name !== undefined) {
          choice.calls.push({ id: newId('call'), type: 'function', function: { name: piece.name, arguments: '' } });
        }
        const call = choice.calls.at(-1);
        if (call !== undefined) call.function.arguments += piece.arguments;
        choice.logprobs.push(...(piece.logprobs ?? []));
      },
    },
    gathered: () => gathered,
  };
}

function empty(count: number): Gathered[] {
  const gathered: Gathered[] = [];
  while (gathered.length < count) gathered.push({ content: '', calls: [], logprobs: [] });
  return gathered;
}

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
      ...(hasCalls ? { tool_calls: calls } : {}),
    },
    finish_reason: finishReasonOf(done, index),
    logprobs: withLogprobs ? logprobsOf(logprobs) : null,
  };
}

export function finishReasonOf(done: DoneFrame, choice: number): string {
  return done.finishReasons?.[choice] ?? done.finishReason;
}

/** Probabilities in OpenAI's shape. */
export function logprobsOf(logprobs: readonly TokenLogprob[]): Logprobs {
  return { content: logprobs.map(({ top, ...token }) => ({ ...token, top_logprobs: top })), refusal: null };
}
