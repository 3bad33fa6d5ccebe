const MAY_BE_HALF = /\\ud[89a-f]/i;
const BACKSLASH = '\\';
/** `\uD83D` and its like. */
const ESCAPE_LENGTH = 6;

/**
 * Whether JSON text, which came as UTF-8, has half of a surrogate pair in it, as programs write that cut text between the two
 * halves of an emoji. It has no UTF-8 and no canonical form: such text can be neither hashed nor signed for. Each escape is
 * looked at in turn, without matches of an expression, of which a message of 8 MiB could want a million.
 */
export function holdsHalfCharacter(json: string): boolean {
  // Next to nobody escapes what stands beyond the first plane.
  if (!json.includes('\\u') || !MAY_BE_HALF.test(json)) return false;
  for (let at = json.indexOf(BACKSLASH); at >= 0; at = json.indexOf(BACKSLASH, at)) {
    const half = halfAt(json, at);
    if (half === 'second') return true;
    if (half === 'first' && halfAt(json, at + ESCAPE_LENGTH) !== 'second') return true;
    // What is escaped by one character may be a backslash itself.
    at += half === 'first' ? 2 * ESCAPE_LENGTH : 2;
  }
  return false;
}

function halfAt(json: string, at: number): 'first' | 'second' | undefined {
  if (json[at] !== BACKSLASH || json[at + 1] !== 'u') return undefined;
  if (json[at + 2] !== 'd' && json[at + 2] !== 'D') return undefined;
  const digit = Number.parseInt(json[at + 3] ?? '', 16);
  return digit >= 12 ? 'second' : digit >= 8 ? 'first' : undefined;
}
