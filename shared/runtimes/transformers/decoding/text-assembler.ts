/**
 * Token ids to text, a token at a time, with constant work per token.
 *
 * 1. Decoding depends on the neighbours (leading spaces, bytes of one character), so a token is decoded together with
 *    a few before it, and only what it adds counts. The window has at most `WIDEST` tokens.
 * 2. A U+FFFD at the end may be an unfinished character and is held back until more comes. Everything before it is
 *    final: decoders give one U+FFFD for the bytes of one unfinished character.
 * 3. `pending` characters at the end of the window's text are not given out yet; all before them are.
 * 4. All pieces joined are the text; `flush` gives the rest, once.
 */
export type TextAssembler = {
  push(id: number): string;
  flush(): string;
};

const REPLACEMENT = '\uFFFD';
const WIDEST = 8;
/** An unfinished character has at most three bytes and every token at least one; one more gives the context. */
const KEPT = 4;

export function createTextAssembler(decode: (ids: number[]) => string): TextAssembler {
  let recent: number[] = [];
  let length = 0;
  let pending = 0;

  function take(text: string, heldBack: number): string {
    const piece = text.slice(length - pending, text.length - heldBack);
    length = text.length;
    pending = heldBack;
    return piece;
  }

  return {
    push(id) {
      recent.push(id);
      const text = decode(recent);
      const piece = take(text, text.endsWith(REPLACEMENT) ? 1 : 0);
      if (recent.length >= WIDEST) {
        recent = recent.slice(-KEPT);
        length = decode(recent).length;
      }
      return piece;
    },
    flush: () => (pending === 0 ? '' : take(decode(recent), 0)),
  };
}
