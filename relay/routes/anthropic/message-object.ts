import type { AnswerBlock, MessageObject, MessageUsage, StopReason } from '../../../shared/api/messages.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ChatInput, DoneFrame, Usage } from '../../../shared/protocol/messages.ts';
import { type Gathered, type GatheredCall, partsOf } from '../../jobs/answer/gather-answer.ts';
import { newId } from '../../jobs/id.ts';
import type { JobSpec } from '../../jobs/job.ts';
import { readToolInput } from './tool-input.ts';

/** A message as it begins; `ended` are the members that it has at its end. */
export function messageOf(
  { id, model }: Pick<JobSpec, 'id' | 'model'>,
  ended: Partial<MessageObject> = {},
): MessageObject {
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    // How long the prompt is, only its node knows, and tells at the end.
    usage: usageOf({ inputTokens: 0, outputTokens: 0 }),
    ...ended,
  };
}

/** `input_tokens` are those that were read anew: its clients add up the three kinds. */
export function usageOf({ inputTokens, outputTokens, cachedTokens = 0 }: Usage): MessageUsage {
  return {
    input_tokens: inputTokens - cachedTokens,
    output_tokens: outputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
  };
}

const STOP_REASONS: Readonly<Record<DoneFrame['finishReason'], StopReason>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
};

/** Why a message ended. A node is believed that a stop sequence ended it when that is one of those that were asked for. */
export function endingOf({ finishReason, stopSequence }: DoneFrame, { input }: Pick<JobSpec, 'input'>): MessageEnding {
  const isStopped = finishReason === 'stop' && stopSequence !== undefined;
  if (isStopped && (input as ChatInput).stop.includes(stopSequence)) {
    return { stop_reason: 'stop_sequence', stop_sequence: stopSequence };
  }
  return { stop_reason: STOP_REASONS[finishReason], stop_sequence: null };
}

type MessageEnding = Pick<MessageObject, 'stop_reason' | 'stop_sequence'>;

/** The blocks of a whole answer; one that ended within its thoughts has no text, as in a stream. */
export function blocksOf(gathered: Gathered): AnswerBlock[] {
  const { reasoning, content, calls } = gathered;
  if (reasoning !== '' && content === '' && calls.length === 0) return [thinkingBlock(reasoning)];
  const told = partsOf(gathered).map((part) =>
    typeof part === 'string' ? textBlock(part) : toolUseBlock(part.name, readToolInput(part.arguments)),
  );
  return reasoning === '' ? told : [thinkingBlock(reasoning), ...told];
}

export function thinkingBlock(thinking: string): AnswerBlock {
  return { type: 'thinking', thinking, signature: '' };
}

export function textBlock(text: string): AnswerBlock {
  return { type: 'text', text, citations: null };
}

export function toolUseBlock(name: string, input: Record<string, unknown> = {}): AnswerBlock {
  return { type: 'tool_use', id: newId('toolu'), name, input };
}

/** Passes calls whose arguments can be told as an object; one that was cut short has what it has. Errors: `node_fault`. */
export function assertCallable(calls: readonly Pick<GatheredCall, 'arguments'>[], { finishReason }: DoneFrame): void {
  if (finishReason === 'length' || calls.every(({ arguments: text }) => readToolInput(text) !== undefined)) return;
  throw new Problem('node_fault', "The node's answer calls a tool with what is no JSON object. Try again.");
}
