import type { DoneFrame, TokenLogprob } from '../../../shared/protocol/messages.ts';
import type { AnswerSink } from '../attempt.ts';

/** Gathers an answer that is looked at as a whole. */
export type GatheredAnswer = { readonly sink: AnswerSink; gathered(): readonly Gathered[] };

export type GatheredCall = { readonly name: string; arguments: string };

/** One choice. */
export type Gathered = { content: string; calls: GatheredCall[]; logprobs: TokenLogprob[] };

export function gatherAnswer(count: number): GatheredAnswer {
  let gathered = empty(count);
  return {
    sink: {
      takeBack: () => {
        gathered = empty(count);
      },
      text: (text, _tokens, more) => {
        const choice = gathered[more?.choice ?? 0];
        if (choice === undefined) return;
        choice.content += text;
        if (more?.logprobs !== undefined) choice.logprobs.push(...more.logprobs);
      },
      toolCall: (piece) => {
        const choice = gathered[piece.choice ?? 0];
        if (choice === undefined) return;
        if (piece.name !== undefined) choice.calls.push({ name: piece.name, arguments: '' });
        const call = choice.calls.at(-1);
        if (call !== undefined) call.arguments += piece.arguments;
        choice.logprobs.push(...(piece.logprobs ?? []));
      },
    },
    gathered: () => gathered,
  };
}

function empty(count: number): Gathered[] {
  const gathered: Gathered[] = [];
  while (gathered.length < count) gathered.push({ content: '', calls: [], logprobs: [] });
  return gathered;
}

export function finishReasonOf(done: DoneFrame, choice: number): string {
  return done.finishReasons?.[choice] ?? done.finishReason;
}
