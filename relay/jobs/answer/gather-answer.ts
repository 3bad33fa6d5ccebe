import type { DoneFrame, TokenLogprob } from '../../../shared/protocol/messages.ts';
import type { AnswerSink } from '../attempt.ts';

/** Gathers an answer that is looked at as a whole. */
export type GatheredAnswer = {
  readonly sink: AnswerSink;
  gathered(): readonly Gathered[];
  /** Of all choices, as their node said. */
  reasoningTokens(): number;
};

/** `at` is how many characters had been said before it. */
export type GatheredCall = { readonly name: string; arguments: string; readonly at: number };

/** One choice, with what was thought before it. */
export type Gathered = { reasoning: string; content: string; calls: GatheredCall[]; logprobs: TokenLogprob[] };

export function gatherAnswer(count: number): GatheredAnswer {
  let gathered = empty(count);
  let reasoningTokens = 0;
  return {
    sink: {
      takeBack: () => {
        gathered = empty(count);
        reasoningTokens = 0;
      },
      text: (text, tokens, more) => {
        const choice = gathered[more?.choice ?? 0];
        if (choice === undefined) return;
        if (more?.reasoning) {
          choice.reasoning += text;
          reasoningTokens += tokens;
          return;
        }
        choice.content += text;
        if (more?.logprobs !== undefined) choice.logprobs.push(...more.logprobs);
      },
      toolCall: (piece) => {
        const choice = gathered[piece.choice ?? 0];
        if (choice === undefined) return;
        if (piece.name !== undefined) choice.calls.push({ name: piece.name, arguments: '', at: choice.content.length });
        const call = choice.calls.at(-1);
        if (call !== undefined) call.arguments += piece.arguments;
        choice.logprobs.push(...(piece.logprobs ?? []));
      },
    },
    gathered: () => gathered,
    reasoningTokens: () => reasoningTokens,
  };
}

function empty(count: number): Gathered[] {
  const gathered: Gathered[] = [];
  while (gathered.length < count) gathered.push({ reasoning: '', content: '', calls: [], logprobs: [] });
  return gathered;
}

/** What was said and called, in the order in which it was; of an answer without any there is one text, which is empty. */
export function partsOf({ content, calls }: Gathered): (string | GatheredCall)[] {
  const parts: (string | GatheredCall)[] = [];
  let told = 0;
  for (const call of calls) {
    if (call.at > told) parts.push(content.slice(told, call.at));
    told = call.at;
    parts.push(call);
  }
  if (content.length > told || parts.length === 0) parts.push(content.slice(told));
  return parts;
}

export function finishReasonOf(done: DoneFrame, choice: number): string {
  return done.finishReasons?.[choice] ?? done.finishReason;
}
