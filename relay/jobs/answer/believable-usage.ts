import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { ChatInput, Usage } from '../../../shared/protocol/messages.ts';
import type { JobSpec } from '../job.ts';

/** Frames of a template that the client does not send, in tokens. */
export const TEMPLATE_TOKENS = 256;
/** Beyond its bytes in a request a picture is so many tokens at the most, also one that is only named. */
const PICTURE_TOKENS = 16_384;
/** A task that compares a text with labels reads it once for each of them. */
const MOST_READINGS = 128;
/** Tokens of a choice that leave no text: the mark of its end, the frame of a call, what a stop sequence has cut off. */
const SILENT_TOKENS = 64;

/** What passed, in bytes. How long a request is takes reading it, and is asked for where it matters alone. */
export type PassedSizes = { readonly responseBytes: number; requestBytes(): number };

/**
 * What a node says of its tokens, as far as that can be: limits of keys, statistics, charges and the speed by which it is chosen
 * rest on it. An answer has been limited, and no token is shorter than a byte of what was asked or answered.
 */
export function believableUsage(job: Pick<JobSpec, 'type' | 'input'>, claimed: Usage, passed: PassedSizes): Usage {
  const { inputTokens, outputTokens, cachedTokens = 0 } = claimed;
  const mostMade = mostMadeOf(job, passed);
  // Most jobs are short of this by far, and need no second look.
  if (inputTokens <= TEMPLATE_TOKENS && outputTokens <= mostMade && cachedTokens <= inputTokens) return claimed;
  const read = Math.min(inputTokens, mostReadOf(job, passed.requestBytes()));
  return {
    inputTokens: read,
    outputTokens: Math.min(outputTokens, mostMade),
    ...(cachedTokens > 0 && { cachedTokens: Math.min(cachedTokens, read) }),
  };
}

function mostMadeOf({ type, input }: Pick<JobSpec, 'type' | 'input'>, { responseBytes }: PassedSizes): number {
  if (type !== 'llm') return LIMITS.maxMessageBytes;
  const { choices = 1, maxTokens } = input as ChatInput;
  const written = responseBytes + choices * SILENT_TOKENS;
  return maxTokens === null ? written : Math.min(written, choices * maxTokens);
}

function mostReadOf({ type, input }: Pick<JobSpec, 'type' | 'input'>, requestBytes: number): number {
  const once = requestBytes + TEMPLATE_TOKENS;
  if (type !== 'llm') return once * MOST_READINGS;
  const pictures = (input as ChatInput).messages.flatMap((message) => message.pictures ?? []).length;
  return once + pictures * PICTURE_TOKENS;
}
