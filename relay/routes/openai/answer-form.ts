import type { TokenLogprob } from '../../../shared/protocol/messages.ts';
import { newId } from '../../jobs/id.ts';
import { logprobsOf } from './answer-choices.ts';

/** A part of a call; OpenAI names it in its first piece and never again. */
export type CallPiece = { index: number; name?: string; arguments: string };

/** How a streamed answer is written: the members of a choice in its events, as JSON without braces. */
export type AnswerForm = {
  readonly object: string;
  /** What a choice begins with, which may begin with a call; `null` for nothing. */
  openingOf(isCall: boolean, choice: number): string | null;
  readonly ending: string;
  textOf(text: string): string;
  reasoningOf(text: string): string;
  callOf(call: CallPiece): string;
  logprobsOf(logprobs: readonly TokenLogprob[], choice: number): unknown;
};

/** `/v1/chat/completions`. */
export const CHAT_FORM: AnswerForm = {
  object: 'chat.completion.chunk',
  // An empty text would become an empty part of the message for clients that keep the parts apart.
  openingOf: (isCall) => `"delta":{"role":"assistant","content":${isCall ? 'null' : '""'},"refusal":null}`,
  ending: '"delta":{}',
  textOf: (text) => `"delta":{"content":${JSON.stringify(text)}}`,
  reasoningOf: (text) => `"delta":{"reasoning_content":${JSON.stringify(text)}}`,
  callOf({ index, name, arguments: text }) {
    const begin = name === undefined ? {} : { id: newId('call'), type: 'function' };
    const called = name === undefined ? { arguments: text } : { name, arguments: text };
    return `"delta":${JSON.stringify({ tool_calls: [{ index, ...begin, function: called }] })}`;
  },
  logprobsOf,
};
