import type { CompletionLogprobs } from '../../../shared/api/completions.ts';
import type { TokenLogprob } from '../../../shared/protocol/messages.ts';
import type { AnswerForm } from './answer-form.ts';

/** The events of one streamed completion, each choice of which begins with what `echoedIn` says. */
export function completionForm(echoedIn: (choice: number) => string): AnswerForm {
  /** Characters of a choice that were told of before, by its index. */
  const told = new Map<number, number>();
  return {
    object: 'text_completion',
    openingOf: (_isCall, choice) => {
      const echoed = echoedIn(choice);
      return echoed === '' ? null : textOf(echoed);
    },
    ending: textOf(''),
    textOf,
    reasoningOf: () => textOf(''),
    callOf: () => textOf(''),
    logprobsOf(logprobs, choice) {
      const from = told.get(choice) ?? 0;
      const said = completionLogprobs(logprobs, from);
      told.set(choice, from + lengthOf(logprobs));
      return said;
    },
  };
}

/** Probabilities in OpenAI's older form; the first token stands at `from`. */
export function completionLogprobs(logprobs: readonly TokenLogprob[], from = 0): CompletionLogprobs {
  const offsets: number[] = [];
  let offset = from;
  for (const { token } of logprobs) {
    offsets.push(offset);
    offset += token.length;
  }
  return {
    tokens: logprobs.map(({ token }) => token),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset: offsets,
  };
}

function lengthOf(logprobs: readonly TokenLogprob[]): number {
  return logprobs.reduce((sum, { token }) => sum + token.length, 0);
}

function textOf(text: string): string {
  return `"text":${JSON.stringify(text)}`;
}
