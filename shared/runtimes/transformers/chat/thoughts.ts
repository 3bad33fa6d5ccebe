import type { ChatInput } from '../../../protocol/messages.ts';
import type { TemplateVariables } from '../library/tokenizer.ts';

/** How the models of one family mark what they think before they answer. All texts are those the models were trained on, to the letter. */
export type ThoughtFormat = {
  readonly open: string;
  readonly close: string;
  /** What an answer without thoughts begins with, where that has a mark of its own. */
  readonly silent: string;
  /** What stands between thoughts of several messages. */
  readonly more: readonly string[];
};

const NEXT_CHANNEL = '<|end|><|start|>assistant<|channel|>';

/** A template that has one of its marks in it is of the format; the first that fits is taken. */
const FORMATS: readonly ThoughtFormat[] = [
  // gpt-oss: thoughts and answer are messages to different channels.
  {
    open: '<|channel|>analysis<|message|>',
    close: `${NEXT_CHANNEL}final<|message|>`,
    silent: '<|channel|>final<|message|>',
    more: [`${NEXT_CHANNEL}analysis<|message|>`, `${NEXT_CHANNEL}commentary<|message|>`],
  },
  ...[
    // Gemma 4, Command R7B, Apertus, Magistral and Ministral, and nearly all others.
    ['<|channel>thought', '<channel|>'],
    ['<|START_THINKING|>', '<|END_THINKING|>'],
    ['<|inner_prefix|>', '<|inner_suffix|>'],
    ['[THINK]', '[/THINK]'],
    ['<think>', '</think>'],
  ].map(([open = '', close = '']) => ({ open, close, silent: '', more: [] })),
];

/**
 * The marks that a model with this chat template thinks between; null for one whose template knows of no thoughts. Some know of those of
 * other models in a conversation, and theirs never thinks.
 */
export function thoughtFormatOf(template: string | null): ThoughtFormat | null {
  if (template === null) return null;
  return FORMATS.find(({ open, close }) => template.includes(open) || template.includes(close)) ?? null;
}

/** What a chat template is told of how a model is to think, by the names that most have for it. */
export function thinkingVariables(reasoning: ChatInput['reasoning']): TemplateVariables {
  // Some templates know a switch by the first name, some by the second, and have it off by themselves.
  if (reasoning === false) return { enable_thinking: false, thinking: false };
  return reasoning === undefined ? {} : { enable_thinking: true, reasoning_effort: reasoning };
}

/** Whether a prompt that ends so has begun the thoughts that the model is to go on with. */
export function beginsThoughts(end: string, { open }: ThoughtFormat): boolean {
  return end.trimEnd().endsWith(open);
}

/** What is still to be said in a prompt that ends so, for a model that is not to think; it takes thoughts that were begun for done. */
export function closingThoughts(end: string, format: ThoughtFormat): string {
  return beginsThoughts(end, format) ? `\n\n${format.close}\n\n` : format.silent;
}

/** What has become certain of an answer: thoughts, which come before its text. `isOver` with the end of the thoughts. */
export type ReadThoughts = { readonly thoughts: string; readonly text: string; readonly isOver?: true };

/** Where an answer is: it is open whether it begins with thoughts, in them, in the blanks behind them, or in its text. */
export type ThoughtPhase = 'before' | 'thinking' | 'between' | 'answering';

/**
 * Tells thoughts from the text behind them, as they are made. Only an answer that begins with the mark has any; blanks around them
 * and before the text are no part of either.
 */
export type ThoughtReader = {
  push(piece: string): ReadThoughts;
  /** What was held back. Whatever follows is text. */
  flush(): ReadThoughts;
  /** Whether this can be of the marks that are still to come. */
  isOfMark(text: string): boolean;
  phase(): ThoughtPhase;
};

const NOTHING: ReadThoughts = { thoughts: '', text: '' };

/** What begins a call (`callMark`) ends thoughts, too: the grammar of an answer knows nothing of them. */
export function createThoughtReader(
  { open, close, silent, more }: ThoughtFormat,
  isBegun: boolean,
  callMark: string | null = null,
): ThoughtReader {
  const ends = callMark === null ? [close] : [close, callMark];
  let state: ThoughtPhase = isBegun ? 'thinking' : 'before';
  let hasThoughts = false;
  let held = '';

  const readBefore = (): ReadThoughts => {
    const begun = held.trimStart();
    if ([open, silent].some((mark) => begun.length < mark.length && mark.startsWith(begun))) return NOTHING;
    if (!begun.startsWith(open)) {
      const isSilent = silent !== '' && begun.startsWith(silent);
      return answer(isSilent ? begun.slice(silent.length) : held);
    }
    state = 'thinking';
    held = begun.slice(open.length);
    return readThoughts();
  };
  const readThoughts = (): ReadThoughts => {
    for (const mark of more) held = held.replaceAll(mark, '\n\n');
    if (!hasThoughts) held = held.trimStart();
    const places = ends.map((mark) => held.indexOf(mark)).filter((at) => at >= 0);
    if (places.length === 0) return { thoughts: take(held.length - heldBack(held, [...ends, ...more])), text: '' };
    const end = Math.min(...places);
    const thoughts = held.slice(0, end).trimEnd();
    state = 'between';
    held = held.slice(held.startsWith(close, end) ? end + close.length : end);
    return { thoughts, text: readBetween().text, isOver: true };
  };
  const readBetween = (): ReadThoughts => {
    const text = held.trimStart();
    held = '';
    return text === '' ? NOTHING : answer(text);
  };
  const take = (length: number): string => {
    const taken = held.slice(0, length);
    held = held.slice(length);
    hasThoughts ||= taken !== '';
    return taken;
  };
  const answer = (text: string): ReadThoughts => {
    state = 'answering';
    held = '';
    return { thoughts: '', text };
  };
  return {
    push: (piece) => {
      if (state === 'answering') return { thoughts: '', text: piece };
      held += piece;
      if (state === 'before') return readBefore();
      return state === 'thinking' ? readThoughts() : readBetween();
    },
    flush: () => {
      const wasThinking = state === 'thinking';
      const rest = state === 'before' ? held : held.trimEnd();
      answer('');
      return wasThinking ? { thoughts: rest, text: '', isOver: true } : { thoughts: '', text: rest };
    },
    isOfMark: (text) =>
      text !== '' && state !== 'answering' && [open, close, silent, ...more].some((mark) => mark.includes(text)),
    phase: () => state,
  };
}

/** How much of the end may yet turn out to be blanks before a mark, or the beginning of one. */
function heldBack(text: string, marks: readonly string[]): number {
  const begun = Math.max(...marks.map((mark) => begunOf(text, mark)));
  return text.length - text.slice(0, text.length - begun).trimEnd().length;
}

function begunOf(text: string, mark: string): number {
  let begun = Math.min(mark.length - 1, text.length);
  while (begun > 0 && !text.endsWith(mark.slice(0, begun))) begun--;
  return begun;
}
