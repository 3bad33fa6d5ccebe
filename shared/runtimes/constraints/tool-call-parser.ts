import type { ToolDeclaration } from '../../protocol/messages.ts';
import { heldBack, readTaggedCall, type TaggedCalls, taggedArguments } from './tagged-calls.ts';
import type { ToolFormat } from './tool-formats.ts';

/** A piece of an answer that may call tools. */
export type AnswerPiece =
  | { type: 'text'; text: string }
  /** The first piece of a call has its name and no arguments yet. */
  | { type: 'call'; index: number; name?: string; arguments: string };

export type ToolCallParser = {
  push(text: string): AnswerPiece[];
  /** A token that stands for the format's mark, or for the one between a call's name and its arguments. */
  pushMark(): AnswerPiece[];
  /** What was held back as the possible beginning of a mark. */
  flush(): AnswerPiece[];
  /** How many calls have begun. */
  calls(): number;
};

/** What comes behind what is certain to come. */
type Skipped = 'call' | 'arguments' | 'after';

type State =
  | { at: 'text'; held: string }
  /** Skips what is certain to come. */
  | { at: 'skip'; left: number; next: Skipped }
  /** A call of which it is to be seen how it is written. */
  | { at: 'call'; read: string }
  | { at: 'tagged'; call: Generator<void, void, string> }
  | { at: 'name'; name: string }
  | { at: 'arguments'; depth: number; isString: boolean; isEscaped: boolean }
  | { at: 'after' };

/**
 * Takes calls out of an answer while it is made. The answer was made under the grammar of the same format, so that
 * between a mark and the end of a call only what the grammar allows has to be understood. `isMarkToken` when the mark
 * comes as a token of its own, and the same letters in a text are no mark. `tools` are those that were offered.
 */
export function createToolCallParser(
  format: ToolFormat,
  isMarkToken: boolean,
  tools: readonly ToolDeclaration[] = [],
): ToolCallParser {
  const mark = isMarkToken ? null : format.mark;
  let state: State = format.mark === null ? { at: 'after' } : { at: 'text', held: '' };
  let calls = 0;
  let declared: Map<string, ReturnType<typeof taggedArguments>> | null = null;
  let pieces: AnswerPiece[] = [];

  function beginCall(read: string): void {
    calls++;
    state = callAfter(read);
  }

  /** Where calls may be tagged, the first character tells. */
  function callAfter(read: string): State {
    const isOpen = read.length === format.open.length && (format.tagged === undefined || read !== '');
    return isOpen ? { at: 'name', name: '' } : { at: 'call', read };
  }

  /** Goes on behind what is certain to come. */
  function skip(left: number, next: Skipped): void {
    if (left > 0) state = { at: 'skip', left, next };
    else if (next === 'call') state = callAfter('');
    else if (next === 'arguments') state = { at: 'arguments', depth: 0, isString: false, isEscaped: false };
    else state = { at: 'after' };
  }

  function endName(name: string, skipped: number): void {
    beginArguments(name);
    skip(format.between.length - skipped, 'arguments');
  }

  function beginTagged(read: string, tagged: TaggedCalls): void {
    const call = readTaggedCall(tagged, isText, { name: beginArguments, argue });
    call.next();
    state = { at: 'tagged', call };
    for (const character of read) call.next(character);
  }

  function isText(name: string, argument: string): boolean {
    declared ??= new Map(tools.map((tool) => [tool.name, taggedArguments(tool)]));
    return declared.get(name)?.get(argument)?.isText ?? false;
  }

  function beginArguments(name: string): void {
    pieces.push({ type: 'call', index: calls - 1, name, arguments: '' });
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
      beginCall('');
      return;
    }
    const keep = heldBack(text, mark);
    say(text.slice(0, text.length - keep));
    state = { at: 'text', held: text.slice(text.length - keep) };
  }

  /** After a call, or at the very beginning where there is no mark. */
  function readAfter(character: string): void {
    if (format.mark === null && calls === 0 && character === format.open[0]) beginCall(character);
    else if (format.mark === null && calls === 0) {
      state = { at: 'text', held: '' };
      say(character);
    } else if (mark !== null && character === mark[0]) {
      calls++;
      skip(mark.length - 1, 'call');
    }
  }

  function readCall(read: string): void {
    if (format.tagged !== undefined && !format.open.startsWith(read)) beginTagged(read, format.tagged);
    else state = callAfter(read);
  }

  function readArguments(character: string, from: Extract<State, { at: 'arguments' }>): void {
    argue(character);
    const { isString, isEscaped } = from;
    let { depth } = from;
    if (!isString && (character === '{' || character === '[')) depth++;
    if (!isString && (character === '}' || character === ']')) depth--;
    if (depth === 0) {
      skip(format.close.length, 'after');
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
      case 'call':
        readCall(state.read + character);
        return;
      case 'tagged':
        if (state.call.next(character).done === true) state = { at: 'after' };
        return;
      case 'skip':
        skip(state.left - 1, state.next);
        return;
      case 'name':
        if (character !== format.between[0]) {
          state = { at: 'name', name: state.name + character };
          return;
        }
        endName(state.name, 1);
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
      if (state.at === 'name') endName(state.name, format.between.length);
      else beginCall('');
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
