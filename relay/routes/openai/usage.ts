import type { CompletionUsage } from '../../../shared/api/chat.ts';
import type { Usage } from '../../../shared/protocol/messages.ts';

/** `reasoningTokens` are those of the answer that were thoughts. */
export function usageOf(usage: Usage, reasoningTokens = 0): CompletionUsage {
  const { cachedTokens = 0 } = usage;
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    ...(cachedTokens > 0 && { prompt_tokens_details: { cached_tokens: cachedTokens } }),
    ...(reasoningTokens > 0 && {
      completion_tokens_details: { reasoning_tokens: Math.min(reasoningTokens, usage.outputTokens) },
    }),
  };
}
