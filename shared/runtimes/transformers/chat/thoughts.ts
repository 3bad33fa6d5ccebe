/** How the models of one family mark what they think before they answer. */
export type ThoughtFormat = { readonly open: string; readonly close: string };

const MARKS: readonly (readonly [open: string, close: string])[] = [
  ['<think>', '</think>'],
  ['[THINK]', '[/THINK]'],
];

/** What a chat template is told where the model is not to think; most of those that can be told know it by this name. */
export const WITHOUT_THOUGHTS = { enable_thinking: false };

/**
 * The marks that a model with this chat template thinks between; null for one whose template knows of no thoughts. Some know of those of
 * other models in a conversation, and theirs never thinks.
 */
export function thoughtFormatOf(template: string | null): ThoughtFormat | null {
  const [open, close] = MARKS.find(([, end]) => template?.includes(end) === true) ?? [];
  if (open === undefined || close === undefined) return null;
  return { open, close };
}

/** Whether a prompt that ends so has begun the thoughts that the model is to go on with. */
export function beginsThoughts(end: string, { open }: ThoughtFormat): boolean {
  return end.trimEnd().endsWith(open);
}

/** What is still to be said in a prompt that ends so, for a model that is not to think; it takes thoughts that were begun for done. */
export function closingThoughts(end: string, format: ThoughtFormat): string {
  return beginsThoughts(end, format) ? `\n\n${format.close}\n\n` : '';
}

/** What has become certain of an answer: thoughts, which come before its text. `isOver` with the end of the thoughts. */
export type ReadThoughts = { readonly thoughts: string; readonly text: string; readonly isOver?: true };

/**
 * Tells thoughts from the text behind them, as they are made. Only an answer that begins with the mark has any; blanks around them
 * and before the text are no part of either.
 */
export type ThoughtReader = {
  push(piece: string): ReadThoughts;
  /** What was held back. Whatever follows is text. */
  flush(): ReadThoughts;
  /** Whether this is what thoughts begin or end with. */
  isMark(text: string): boolean;
};

const NOTHING: ReadThoughts = { thoughts: '', text: '' };

/** What begins a call (`callMark`) ends thoughts, too: the grammar of an answer knows nothing of them. */
export function createThoughtReader(
  { open, close }: ThoughtFormat,
  isBegun: boolean,
  callMark: string | null = null,
): ThoughtReader {
  const ends = callMark === null ? [close] : [close, callMark];
  let state: 'before' | 'thinking' | 'between' | 'answering' = isBegun ? 'thinking' : 'before';
  let hasThoughts = false;
  let held = '';

  const readBefore = (): ReadThoughts => {
    const begun = held.trimStart();
    if (begun.length < open.length && open.startsWith(begun)) return NOTHING;
    if (!begun.startsWith(open)) return answer(held);
    state = 'thinking';
    held = begun.slice(open.length);
    return readThoughts();
  };
  const readThoughts = (): ReadThoughts => {
    if (!hasThoughts) held = held.trimStart();
    const places = ends.map((mark) => held.indexOf(mark)).filter((at) => at >= 0);
    if (places.length === 0) return { thoughts: take(held.length - heldBack(held, ends)), text: '' };
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
    isMark: (text) => text === open || text === close,
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
