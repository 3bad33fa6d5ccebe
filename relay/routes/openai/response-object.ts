import type { OutputItem, ResponseObject, ResponsesRequest } from '../../../shared/api/responses.ts';
import type { Problem } from '../../../shared/problems/problem.ts';
import type { Usage } from '../../../shared/protocol/messages.ts';
import { type Gathered, partsOf } from '../../jobs/answer/gather-answer.ts';
import { newId } from '../../jobs/id.ts';
import { toldArguments } from './answer-choices.ts';
import type { Callee, ResponseTools } from './response-tools.ts';

/** How a response stands. */
type Standing = Pick<ResponseObject, 'status' | 'output'> & {
  readonly usage?: Usage;
  /** Those of the answer that were thoughts. */
  readonly reasoningTokens?: number;
  readonly problem?: Problem;
};

/** What is said of each response to a request, with what it was understood as. */
export function responseWriter(
  id: string,
  createdS: number,
  body: ResponsesRequest,
): (standing: Standing) => ResponseObject {
  return ({ status, output, usage, reasoningTokens, problem }) => ({
    id,
    object: 'response',
    created_at: createdS,
    status,
    background: false,
    error: problem === undefined ? null : { code: problem.code, message: problem.message },
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    model: body.model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    store: false,
    temperature: body.temperature ?? null,
    text: { format: body.text?.format ?? { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: body.top_p ?? null,
    truncation: 'disabled',
    usage: usage === undefined ? null : usageOf(usage, reasoningTokens),
  });
}

export function usageOf(
  { inputTokens, outputTokens, cachedTokens = 0 }: Usage,
  reasoningTokens = 0,
): NonNullable<ResponseObject['usage']> {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: Math.min(reasoningTokens, outputTokens) },
    total_tokens: inputTokens + outputTokens,
  };
}

/** The status of a response that ended for this reason. */
export function statusOf(finishReason: string): 'completed' | 'incomplete' {
  return finishReason === 'length' ? 'incomplete' : 'completed';
}

type ItemOf<Type extends OutputItem['type']> = Extract<OutputItem, { type: Type }>;

export function messageItem(text: string, status: OutputItem['status'], id = newId('msg')): ItemOf<'message'> {
  return { id, type: 'message', status, role: 'assistant', content: [textPart(text)] };
}

export function reasoningItem(text: string, status: OutputItem['status']): ItemOf<'reasoning'> {
  return { id: newId('rs'), type: 'reasoning', status, summary: [], content: [{ type: 'reasoning_text', text }] };
}

export function textPart(text: string): ItemOf<'message'>['content'][number] {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

export function callItem(callee: Callee, text: string, status: OutputItem['status']): ItemOf<'function_call'> {
  return { id: newId('fc'), type: 'function_call', status, call_id: newId('call'), ...callee, arguments: text };
}

/** The items of a whole answer; only the last one can have been cut short. */
export function itemsOf(gathered: Gathered, ended: OutputItem['status'], { calleeOf }: ResponseTools): OutputItem[] {
  const { reasoning, content, calls } = gathered;
  const isThoughtAlone = reasoning !== '' && content === '' && calls.length === 0;
  const thought = reasoning === '' ? [] : [reasoningItem(reasoning, isThoughtAlone ? ended : 'completed')];
  if (isThoughtAlone) return thought;
  const parts = partsOf(gathered);
  const told = parts.map((part, index) => {
    const status = index === parts.length - 1 ? ended : 'completed';
    if (typeof part === 'string') return messageItem(part, status);
    return callItem(calleeOf(part.name), toldArguments(part, status === 'incomplete'), status);
  });
  return [...thought, ...told];
}
