import type { CompletionUsage } from '../../../shared/api/chat.ts';
import type { Usage } from '../../../shared/protocol/messages.ts';

export function usageOf(usage: Usage): CompletionUsage {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}
