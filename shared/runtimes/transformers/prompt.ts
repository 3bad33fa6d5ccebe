import { Problem } from '../../problems/problem.ts';
import type { ChatMessage } from '../../protocol/messages.ts';
import type { Tokenizer } from './library.ts';

/** A forgotten `max_tokens` on a model with a context of 128,000 tokens must not hold a slot for an hour. */
const DEFAULT_MAX_NEW_TOKENS = 4_096;

/** Token ids of a conversation that ends where the assistant is to speak. */
export function encodePrompt(tokenizer: Tokenizer, messages: readonly ChatMessage[]): number[] {
  try {
    return tokenizer.encodeChat(messages) ?? encodeTranscript(tokenizer, messages);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'no reason given';
    throw new Problem(
      'invalid_value',
      `The model's chat template refuses these messages (${reason}). Check the order and the roles of the messages.`,
      { param: 'messages', cause: error },
    );
  }
}

/** For models without a chat template: a transcript that any language model can continue. */
function encodeTranscript(tokenizer: Tokenizer, messages: readonly ChatMessage[]): number[] {
  const lines = messages.map((message) => `${message.role}: ${message.content}\n`);
  return tokenizer.encode(`${lines.join('')}assistant:`, true);
}

/** How many tokens may be made; throws `context_length_exceeded` when the prompt leaves room for none. */
export function tokenBudget(promptTokens: number, maxTokens: number | null, contextLength: number): number {
  const room = contextLength - promptTokens;
  if (room < 1) {
    throw new Problem(
      'context_length_exceeded',
      `The messages have ${promptTokens} tokens and the model reads at most ${contextLength}, its answer included. ` +
        'Shorten the messages or choose a model with a longer context.',
      { param: 'messages' },
    );
  }
  return Math.min(room, maxTokens ?? DEFAULT_MAX_NEW_TOKENS);
}
