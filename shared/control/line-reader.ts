import { Problem } from '../problems/problem.ts';
import { joinBytes } from '../protocol/join-bytes.ts';

/** Cuts bytes into lines of text. */
export type LineReader = {
  /** The lines that end with these bytes. Errors: `invalid_value` for a longer line; nothing may be pushed after it. */
  push(bytes: Uint8Array): string[];
};

const NEWLINE = 10;

/** Holds no more than one unfinished line of `mostBytes`, however it comes. What is not UTF-8 becomes U+FFFD. */
export function createLineReader(mostBytes: number): LineReader {
  const decoder = new TextDecoder();
  const held: Uint8Array[] = [];
  let heldBytes = 0;

  const hold = (bytes: Uint8Array): void => {
    heldBytes += bytes.length;
    if (heldBytes > mostBytes) throw new Problem('invalid_value', `A line has at most ${mostBytes} bytes.`);
    if (bytes.length > 0) held.push(bytes);
  };
  const take = (): string => {
    const line = joinBytes(held);
    held.length = 0;
    heldBytes = 0;
    return decoder.decode(line);
  };
  return {
    push: (bytes) => {
      const lines: string[] = [];
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        hold(bytes.subarray(start, end));
        lines.push(take());
        start = end + 1;
      }
      // A copy, so that a few bytes do not hold the whole of what they came with.
      hold(bytes.slice(start));
      return lines;
    },
  };
}
