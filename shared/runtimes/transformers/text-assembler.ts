/**
 * Token ids to text, a token at a time, with constant work per token.
 *
 * 1. Decoding depends on the neighbours (leading spaces, bytes of one character), so a token is decoded together with
 *    the last token group that gave text, and only what it adds counts. The window never grows past a few tokens.
 * 2. A text that ends in U+FFFD may be an unfinished character: it is held back until the next token completes it.
 *    A character has at most four bytes and every token at least one, so after four tokens the bytes are simply wrong.
 * 3. All pieces joined are the text; `flush` gives the rest, once.
 */
export type TextAssembler = {
  push(id: number): string;
  flush(): string;
};

const REPLACEMENT = '\uFFFD';
const LONGEST_CHARACTER_TOKENS = 4;

export function createTextAssembler(decode: (ids: number[]) => string): TextAssembler {
  let context: number[] = [];
  let contextText = '';
  let fresh: number[] = [];

  function take(text: string): string {
    const piece = text.slice(contextText.length);
    context = fresh;
    contextText = decode(context);
    fresh = [];
    return piece;
  }

  return {
    push(id) {
      fresh.push(id);
      const text = decode([...context, ...fresh]);
      if (text.length <= contextText.length && fresh.length < LONGEST_CHARACTER_TOKENS) return '';
      if (text.endsWith(REPLACEMENT) && fresh.length < LONGEST_CHARACTER_TOKENS) return '';
      return take(text);
    },
    flush() {
      return fresh.length === 0 ? '' : take(decode([...context, ...fresh]));
    },
  };
}
