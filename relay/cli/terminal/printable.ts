/**
 * Makes what a stranger wrote safe to read in a terminal: characters that move its cursor, hide text or turn the
 * direction of reading are shown as their codes.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (hidden) => `\\u{${hidden.codePointAt(0)?.toString(16)}}`);
}

/**
 * The same for a text of several lines and of any script, such as an answer: what a terminal would obey, and what turns the
 * direction of reading, is left out.
 */
export function printableText(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '');
}

/** Writes a piece of an answer: to a terminal what it may show, to everything else the bytes as they are. */
export function writeAnswer(
  text: string,
  stream: { isTTY?: boolean; write(text: string): unknown } = process.stdout,
): void {
  stream.write(stream.isTTY === true ? printableText(text) : text);
}
