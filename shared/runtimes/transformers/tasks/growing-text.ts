/**
 * Gives out a text while it is made, in pieces that joined begin the whole.
 *
 * What is in the making may still change at its end: the last word goes on, a character lacks bytes, and decoders take
 * away a space before a mark. So the last word waits, with the space before it, until another has begun; in scripts without
 * spaces each character counts as a word.
 */
export type GrowingText = {
  /** The text as it stands now, of which the end may still change. */
  grow(text: string): void;
  /** The text up to where nothing can change any more. */
  settle(text: string): void;
};

const LAST_WORD = /\s+\S*$/;
const WITHOUT_SPACES = /^.*[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/su;

export function createGrowingText(tell: (piece: string) => void): GrowingText {
  let toldCharacters = 0;
  const settle = (text: string): void => {
    if (text.length <= toldCharacters) return;
    const piece = text.slice(toldCharacters);
    toldCharacters = text.length;
    tell(piece);
  };
  return { settle, grow: (text) => settle(text.slice(0, firmLength(text))) };
}

function firmLength(text: string): number {
  const beforeLastWord = text.match(LAST_WORD)?.index ?? 0;
  return Math.max(beforeLastWord, WITHOUT_SPACES.exec(text)?.[0].length ?? 0);
}
