import type { FastifyReply } from 'fastify';
import { toErrorBody } from '../../../shared/problems/http.ts';
import type { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame, TokenLogprob } from '../../../shared/protocol/messages.ts';
import type { PieceDetail, ToolCallPiece } from '../../../shared/runtimes/runtime.ts';
import { finishReasonOf } from '../../jobs/answer/gather-answer.ts';
import { NO_ARGUMENTS } from './answer-choices.ts';
import type { AnswerForm, CallPiece } from './answer-form.ts';
import { createHeldEvents } from './held-events.ts';
import { usageOf } from './usage.ts';

export type AnswerStreamOptions = {
  form: AnswerForm;
  reply: FastifyReply;
  requestId: string;
  id: string;
  createdS: number;
  model: string;
  includeUsage: boolean;
  /** How many choices there are. */
  choices: number;
  /** Told when the reader is so slow that its answer is given up. */
  onTooSlow(problem: Problem): void;
};

/** An answer as server-sent events in one of OpenAI's forms. */
export type AnswerStream = {
  hasBegun(): boolean;
  /** Sends the head and the first chunks; the status is 200 from here on. `called` is a choice that begins with a call. */
  begin(headers: Record<string, string>, called?: number): void;
  /** What parsers of events pass over; keeps the line open. */
  comment(text: string): void;
  text(text: string, tokens: number, more?: PieceDetail): void;
  toolCall(piece: ToolCallPiece): void;
  end(done: DoneFrame): void;
  fail(problem: Problem): void;
};

/** What a token's probability takes as text, with those of some others. */
const LOGPROB_CHARACTERS = 200;

/** A part of the answer that is not sent yet. */
type Piece = { choice: number; logprobs: TokenLogprob[] } & (
  | { text: string }
  | { reasoning: string }
  | { call: CallPiece }
);

/**
 * Invariants: (1) the first chunk of each choice opens it, the last has its finish reason, then `[DONE]`; (2) a stream that cannot
 * end so ends with an `error` event, never with silence; (3) while the socket is full, neighbouring pieces become
 * one instead of a queue of chunks, and their length is bounded.
 */
export function createAnswerStream(options: AnswerStreamOptions): AnswerStream {
  const { form, reply, onTooSlow } = options;
  const chunkHead = `data: {"id":${JSON.stringify(options.id)},"object":"${form.object}","created":${options.createdS},"model":${JSON.stringify(options.model)},`;
  const usageField = options.includeUsage ? ',"usage":null' : '';
  let pending: Piece[] = [];
  let pendingCharacters = 0;
  let reasoningTokens = 0;
  /** Of each choice the call whose arguments are still to come. */
  const bareCalls = new Map<number, number>();

  const flush = (): void => {
    const pieces = pending;
    pending = [];
    pendingCharacters = 0;
    for (const piece of pieces) {
      const { choice, logprobs } = piece;
      const said = logprobs.length === 0 ? 'null' : JSON.stringify(form.logprobsOf(logprobs, choice));
      writeChoice(choice, membersOf(piece, form), 'null', said);
    }
  };
  const events = createHeldEvents({ reply, pending: { characters: () => pendingCharacters, flush }, onTooSlow });
  const { write } = events;
  const writeChoice = (choice: number, members: string, finishReason: string, logprobs = 'null'): void =>
    write(
      `${chunkHead}"choices":[{"index":${choice},${members},"logprobs":${logprobs},"finish_reason":${finishReason}}]${usageField}}\n\n`,
    );
  const eachChoice = (visit: (choice: number) => unknown): void => {
    for (let choice = 0; choice < options.choices; choice++) visit(choice);
  };
  const add = (piece: Piece, characters: number): void => {
    const last = pending.at(-1);
    if (last === undefined || !joined(last, piece)) pending.push(piece);
    pendingCharacters += characters + piece.logprobs.length * LOGPROB_CHARACTERS;
    events.passOn();
  };
  const endBareCall = (choice: number): void => {
    const index = bareCalls.get(choice);
    if (!bareCalls.delete(choice) || index === undefined) return;
    add({ choice, logprobs: [], call: { index, arguments: NO_ARGUMENTS } }, NO_ARGUMENTS.length);
  };

  return {
    hasBegun: events.hasBegun,
    begin: (headers, called) => {
      events.begin(headers);
      eachChoice((choice) => {
        const opening = form.openingOf(choice === called, choice);
        if (opening !== null) writeChoice(choice, opening, 'null');
      });
    },
    comment: (text) => events.spare(`: ${text}\n\n`),
    text: (text, tokens, { choice = 0, logprobs = [], reasoning } = {}) => {
      if (reasoning) {
        reasoningTokens += tokens;
        if (text !== '') add({ choice, logprobs: [], reasoning: text }, text.length);
      } else if (events.blocked || pending.length > 0 || logprobs.length > 0)
        add({ choice, logprobs: [...logprobs], text }, text.length);
      else writeChoice(choice, form.textOf(text), 'null');
    },
    toolCall: ({ choice = 0, logprobs = [], index, name, arguments: text }) => {
      if (name !== undefined) endBareCall(choice);
      if (text !== '') bareCalls.delete(choice);
      else if (name !== undefined) bareCalls.set(choice, index);
      const call = { index, arguments: text, ...(name === undefined ? {} : { name }) };
      add({ choice, logprobs: [...logprobs], call }, text.length);
    },
    end: (done) => {
      eachChoice((choice) => finishReasonOf(done, choice) !== 'length' && endBareCall(choice));
      flush();
      eachChoice((choice) => writeChoice(choice, form.ending, JSON.stringify(finishReasonOf(done, choice))));
      if (options.includeUsage)
        write(`${chunkHead}"choices":[],"usage":${JSON.stringify(usageOf(done.usage, reasoningTokens))}}\n\n`);
      write('data: [DONE]\n\n');
      events.close();
    },
    fail: (problem) => {
      if (problem.code === 'client_too_slow') pending = [];
      flush();
      write(`data: ${JSON.stringify({ error: toErrorBody(problem, options.requestId).error })}\n\n`);
      events.close();
    },
  };
}

function membersOf(piece: Piece, form: AnswerForm): string {
  if ('text' in piece) return form.textOf(piece.text);
  return 'reasoning' in piece ? form.reasoningOf(piece.reasoning) : form.callOf(piece.call);
}

/** Adds a piece to the one before it, where both belong to the same text or the same call. */
function joined(last: Piece, piece: Piece): boolean {
  if (last.choice !== piece.choice) return false;
  if ('text' in last && 'text' in piece) last.text += piece.text;
  else if ('reasoning' in last && 'reasoning' in piece) last.reasoning += piece.reasoning;
  else if ('call' in last && 'call' in piece && piece.call.name === undefined && last.call.index === piece.call.index) {
    last.call.arguments += piece.call.arguments;
  } else return false;
  last.logprobs.push(...piece.logprobs);
  return true;
}
