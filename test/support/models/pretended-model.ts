import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import type { ChatInput, Execution } from '../../../shared/protocol/messages.ts';

export const PRETENDED_CONTEXT = 4_096;

/** What a node says of a model that is none. */
export function pretendedModel(name: string, type: ServedModel['type'] = 'llm', dimensions = 2): ServedModel {
  return {
    name,
    type,
    state: 'warm',
    revision: '1',
    dtype: 'none',
    device: 'none',
    size_bytes: 0,
    context_length: PRETENDED_CONTEXT,
    ...(type === 'embed' ? { dimensions } : {}),
    ...(type === 'llm' ? { constrained: true } : {}),
  };
}

/** What it says has executed a job on one. */
export function pretendedExecution(runtime: string): Execution {
  return { runtime, device: 'none', dtype: 'none', revision: '1', digest: null };
}

/** One message of a user, with nothing else set unless told. */
export function chatInput(content: string, more: Partial<ChatInput> = {}): ChatInput {
  const unset = { maxTokens: null, temperature: null, topP: null, seed: null, stop: [] };
  return { messages: [{ role: 'user', content }], ...unset, ...more };
}
