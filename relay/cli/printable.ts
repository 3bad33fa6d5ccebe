/**
 * Makes what a stranger wrote safe to read in a terminal: characters that move its cursor, hide text or turn the
 * direction of reading are shown as their codes.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (hidden) => `\\u{${hidden.codePointAt(0)?.toString(16)}}`);
}
