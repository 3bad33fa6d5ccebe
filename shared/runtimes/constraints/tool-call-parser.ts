import type { ToolFormat } from './tool-formats.ts';

/** A piece of an answer that may call tools. */
export type AnswerPiece =
  | { type: 'text'; text: string }
  /** The first piece of a call has its name and no arguments yet. */
  | { type: 'call'; index: number; name?: string; arguments: string };

export type ToolCallParser = {
  push(text: string): AnswerPiece[];
  /** A token that stands for the format's mark. */
  pushMark(): AnswerPiece[];
  /** What was held back as the possible beginning of a mark. */
  flush(): AnswerPiece[];
  /** How many calls have begun. */
  calls(): number;
};

type State =
  | { at: 'text'; held: string }
  /** Skips what is certain to come. */
  | { at: 'skip'; left: number; next: 'name' | 'arguments' | 'after' }
  | { at: 'name'; name: string }
  | { at: 'arguments'; depth: number; isString: boolean; isEscaped: boolean }
  | { at: 'after' };

/**
 * Takes calls out of an answer while it is made. The answer was made under the grammar of the same format, so that
 * between a mark and the end of a call only what the grammar allows has to be understood. `isMarkToken` when the mark
 * comes as a token of its own, and the same letters in a text are no mark.
 */
export function createToolCallParser(format: ToolFormat, isMarkToken: boolean): ToolCallParser {
  const mark = isMarkToken ? null : format.mark;
  let state: State = format.mark === null ? { at: 'after' } : { at: 'text', held: '' };
  let calls = 0;
  let pieces: AnswerPiece[] = [];

  function beginCall(skipped: number): void {
    calls++;
    state = { at: 'skip', left: format.open.length - skipped, next: 'name' };
  }

  function say(text: string): void {
    const last = pieces.at(-1);
    if (last?.type === 'text') last.text += text;
    else if (text !== '') pieces.push({ type: 'text', text });
  }

  function argue(text: string): void {
    const last = pieces.at(-1);
    if (last?.type === 'call' && last.name === undefined) last.arguments += text;
    else pieces.push({ type: 'call', index: calls - 1, arguments: text });
  }

  function readText(character: string, held: string): void {
    if (mark === null) {
      say(character);
      return;
    }
    const text = held + character;
    if (text.endsWith(mark)) {
      say(text.slice(0, -mark.length));
      beginCall(0);
      return;
    }
    let keep = Math.min(text.length, mark.length - 1);
    while (!mark.startsWith(text.slice(text.length - keep))) keep--;
    say(text.slice(0, text.length - keep));
    state = { at: 'text', held: text.slice(text.length - keep) };
  }

  /** After a call, or at the very beginning where there is no mark. */
  function readAfter(character: string): void {
    if (format.mark === null && calls === 0 && character === format.open[0]) beginCall(1);
    else if (format.mark === null && calls === 0) {
      state = { at: 'text', held: '' };
      say(character);
    } else if (mark !== null && character === mark[0]) {
      calls++;
      state = { at: 'skip', left: mark.length - 1 + format.open.length, next: 'name' };
    }
  }

  function readArguments(character: string, from: Extract<State, { at: 'arguments' }>): void {
    argue(character);
    const { isString, isEscaped } = from;
    let { depth } = from;
    if (!isString && (character === '{' || character === '[')) depth++;
    if (!isString && (character === '}' || character === ']')) depth--;
    if (depth === 0) {
      state = { at: 'skip', left: format.close.length, next: 'after' };
      return;
    }
    const isQuote = character === '"' && !isEscaped;
    state = {
      at: 'arguments',
      depth,
      isString: isQuote ? !isString : isString,
      isEscaped: isString && character === '\\' && !isEscaped,
    };
  }

  function read(character: string): void {
    switch (state.at) {
      case 'text':
        readText(character, state.held);
        return;
      case 'after':
        readAfter(character);
        return;
      case 'skip':
        if (state.left > 1) state = { ...state, left: state.left - 1 };
        else state = stateAfterSkip(state.next);
        return;
      case 'name':
        if (character !== '"') {
          state = { at: 'name', name: state.name + character };
          return;
        }
        pieces.push({ type: 'call', index: calls - 1, name: state.name, arguments: '' });
        // The quote belongs to what is between name and arguments.
        state = { at: 'skip', left: format.between.length - 1, next: 'arguments' };
        return;
      case 'arguments':
        readArguments(character, state);
    }
  }

  function take(): AnswerPiece[] {
    const taken = pieces;
    pieces = [];
    return taken;
  }

  return {
    push(text) {
      for (const character of text) read(character);
      return take();
    },
    pushMark() {
      beginCall(0);
      return take();
    },
    flush() {
      if (state.at === 'text') say(state.held);
      state = { at: 'after' };
      return take();
    },
    calls: () => calls,
  };
}

function stateAfterSkip(next: 'name' | 'arguments' | 'after'): State {
  if (next === 'name') return { at: 'name', name: '' };
  if (next === 'arguments') return { at: 'arguments', depth: 0, isString: false, isEscaped: false };
  return { at: 'after' };
}
