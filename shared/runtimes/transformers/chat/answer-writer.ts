import type { FinishReason, TokenLogprob, ToolDeclaration } from '../../../protocol/messages.ts';
import { type AnswerPiece, createToolCallParser, type ToolCallParser } from '../../constraints/tool-call-parser.ts';
import type { ToolFormat } from '../../constraints/tool-formats.ts';
import type { Vocabulary } from '../../constraints/vocabulary.ts';
import type { PieceDetail, RuntimeOutput } from '../../runtime.ts';
import { createStopMatcher } from '../decoding/stop-matcher.ts';
import { createTextAssembler } from '../decoding/text-assembler.ts';
import type { LanguageModel } from '../library/language-model.ts';
import type { ReadThoughts, ThoughtPhase, ThoughtReader } from './thoughts.ts';

export type AnswerOutput = Pick<RuntimeOutput, 'text' | 'toolCall'>;

export type AnswerWriterOptions = {
  model: LanguageModel;
  /** Which of several answers this is. */
  choice: number;
  stops: readonly string[];
  output: AnswerOutput;
  /** The format of tool calls where there may be any. */
  tools: ToolFormat | null;
  /** Those that may be called. */
  offered: readonly ToolDeclaration[];
  /** Given when the answer is held to a grammar: its text is then the tokens' own bytes, as the grammar saw them. */
  vocabulary: Vocabulary | null;
  logprobOf: ((id: number) => TokenLogprob) | null;
  /** What tells thoughts from the answer, where they are to be told apart. */
  thoughts: ThoughtReader | null;
};

/** Turns the tokens of one answer into what is sent, once and in order. */
export type AnswerWriter = {
  push(id: number): void;
  /** Whether an end token or a stop string has ended the answer. */
  stopped(): boolean;
  phase(): ThoughtPhase;
  /** Gives out what was held back. `isWhole` when something else than this writer ended the answer where it should. */
  end(isWhole: boolean): WrittenAnswer;
};

/** `stopSequence` is the stop string that ended it. */
export type WrittenAnswer = { tokens: number; finishReason: FinishReason; stopSequence?: string };

export function createAnswerWriter(options: AnswerWriterOptions): AnswerWriter {
  const { model, output, vocabulary, thoughts } = options;
  const { tokenizer, endIds } = model;
  const matcher = createStopMatcher(options.stops);
  const text = vocabulary === null ? decodedText(model) : ownText(vocabulary, options.tools !== null);
  const calls = parserOf(options);
  let tokens = 0;
  let unsent = 0;
  let logprobs: TokenLogprob[] = [];
  let ended = false;
  /** Whether the answer began in the middle of a token, where no grammar held it: what looks like a call is none. */
  let isUnheld = false;

  /** What came with the pieces that go out now. */
  function detail(): PieceDetail {
    const more: PieceDetail = {};
    if (options.choice > 0) more.choice = options.choice;
    if (logprobs.length > 0) more.logprobs = logprobs;
    logprobs = [];
    return more;
  }

  /** What the model is unsure of while it thinks is nobody's answer. `begunTokens` are those that have begun that already. */
  function sendThoughts(piece: string, begunTokens: number): void {
    const begun = begunTokens === 0 ? [] : logprobs.slice(-begunTokens);
    logprobs = [];
    output.text(piece, unsent - begunTokens, { ...detail(), reasoning: true });
    logprobs = begun;
    unsent = begunTokens;
  }

  function sendText(piece: string): void {
    if (piece === '') return;
    output.text(piece, unsent, detail());
    unsent = 0;
  }

  function send(pieces: readonly AnswerPiece[]): void {
    for (const piece of pieces) {
      if (piece.type === 'text') {
        sendText(matcher.push(piece.text));
        continue;
      }
      const { type: _, ...call } = piece;
      output.toolCall({ ...call, tokens: unsent, ...detail() });
      unsent = 0;
    }
  }

  const asPieces = (piece: string): AnswerPiece[] =>
    calls === null || isUnheld ? [{ type: 'text', text: piece }] : calls.push(piece);
  const sendRead = ({ thoughts: thought, text: said, isOver }: ReadThoughts): void => {
    if (thought !== '' || (isOver && unsent > 0)) sendThoughts(thought, said === '' ? 0 : Math.min(1, unsent));
    if (said === '') return;
    isUnheld ||= isOver === true && options.tools?.mark === null;
    send(asPieces(said));
  };
  const say = (piece: string): void => {
    if (thoughts === null) send(asPieces(piece));
    else sendRead(thoughts.push(piece));
  };
  /** Some models have the marks of thoughts among the tokens that nobody is to see. */
  const hiddenMark = (id: number): string => {
    const mark = thoughts === null ? '' : tokenizer.decode([id]);
    return thoughts?.isOfMark(mark) ? mark : '';
  };
  const stopped = (): boolean => ended || matcher.matched() !== undefined;

  return {
    stopped,
    phase: () => thoughts?.phase() ?? 'answering',
    push(id) {
      if (stopped()) return;
      ended = endIds.has(id);
      if (ended) return;
      tokens++;
      unsent++;
      if (options.logprobOf !== null) logprobs.push(options.logprobOf(id));
      if (calls !== null && vocabulary?.markOf(id) != null) {
        // A call ends all thoughts.
        if (thoughts !== null) sendRead(thoughts.flush());
        send(calls.pushMark());
      } else say(tokenizer.specialIds.has(id) ? hiddenMark(id) : text.push(id));
    },
    end(isWhole) {
      say(text.flush());
      if (thoughts !== null) sendRead(thoughts.flush());
      if (calls !== null) send(calls.flush());
      sendText(matcher.flush());
      // Tokens that made no text still count, and so do their probabilities.
      if (logprobs.length > 0) output.text('', unsent, detail());
      if (!isWhole && !stopped()) return { tokens, finishReason: 'length' };
      if ((calls?.calls() ?? 0) > 0) return { tokens, finishReason: 'tool_calls' };
      const stopSequence = matcher.matched();
      return { tokens, finishReason: 'stop', ...(stopSequence === undefined ? {} : { stopSequence }) };
    },
  };
}

function parserOf({ tools, offered, vocabulary }: AnswerWriterOptions): ToolCallParser | null {
  if (tools === null || vocabulary === null) return null;
  return createToolCallParser(tools, tools.mark !== null && vocabulary.hasMark(tools.mark), offered);
}

type TokenText = { push(id: number): string; flush(): string };

function decodedText({ tokenizer }: LanguageModel): TokenText {
  return createTextAssembler((ids) => tokenizer.decode(ids));
}

/** `isFree` when the answer may begin with words, which some tokenizers begin with a space that nobody is to see. */
function ownText(vocabulary: Vocabulary, isFree: boolean): TokenText {
  const decoder = new TextDecoder();
  const nothing = new Uint8Array(0);
  let dropsSpace = isFree && vocabulary.dropsFirstSpace;
  return {
    push(id) {
      const text = decoder.decode(vocabulary.bytesOf(id) ?? nothing, { stream: true });
      const shown = dropsSpace && text.startsWith(' ') ? text.slice(1) : text;
      dropsSpace = false;
      return shown;
    },
    flush: () => decoder.decode(),
  };
}
