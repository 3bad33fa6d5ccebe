/**
 * Follows what a server of the bus says before the bus's library reads it. The library believes any size that it is told, keeps
 * whatever comes until a line ends, and prints what it cannot read: memory and terminal of a node are its owner's.
 *
 * 1. What has passed the library can read: each line is known, is of the form that it knows, and ends where it thinks.
 * 2. It is never left with more than a line or a message that has not ended.
 */
import { LIMITS } from '../protocol/limits.ts';

/** Several times a greeting that names a large cluster; every other line is shorter by far. */
const LINE_MOST_BYTES = 64 * 1024;
/** A message of a relay with its headers, and room for one that is set up otherwise. */
const MESSAGE_MOST_BYTES = 2 * LIMITS.maxMessageBytes;
const LINE_FEED = 10;

const MESSAGE = /^MSG [^ \t\r\n]+ \d{1,15} (?:[^ \t\r\n]+ )?(\d{1,9})\r\n$/;
const HEADED_MESSAGE = /^HMSG [^ \t\r\n]+ \d{1,15} (?:[^ \t\r\n]+ )?(\d{1,9}) (\d{1,9})\r\n$/;
const GREETING = /^INFO\s+(\{.*\})\s*\r\n$/;
const SIGN = /^(?:PING|PONG|\+OK|-ERR [^\r\n]*)\r\n$/;

/** Says of each piece, in their order, whether the library may have it; false is for good. */
export function createBusStreamCheck(): (piece: Uint8Array) => boolean {
  const decoder = new TextDecoder();
  let line = '';
  let toSkip = 0;
  let isAfterMessage = false;
  return (piece) => {
    for (let at = 0; at < piece.length; ) {
      const skipped = Math.min(toSkip, piece.length - at);
      toSkip -= skipped;
      at += skipped;
      if (at === piece.length) return true;
      const end = piece.indexOf(LINE_FEED, at) + 1;
      line += decoder.decode(end === 0 ? piece.subarray(at) : piece.subarray(at, end), { stream: true });
      if (line.length > LINE_MOST_BYTES) return false;
      if (end === 0) return true;
      const size = isAfterMessage ? (line === '\r\n' ? null : undefined) : messageAfter(line);
      if (size === undefined || (size ?? 0) > MESSAGE_MOST_BYTES) return false;
      isAfterMessage = size !== null;
      toSkip = size ?? 0;
      line = '';
      at = end;
    }
    return true;
  };
}

/** How many bytes of a message follow a line; null where there is none, undefined for a line that nobody knows. */
function messageAfter(line: string): number | null | undefined {
  const [, size] = MESSAGE.exec(line) ?? [];
  if (size !== undefined) return Number(size);
  if (SIGN.test(line)) return null;
  const [, headers, whole] = HEADED_MESSAGE.exec(line) ?? [];
  if (whole !== undefined) return Number(headers) <= Number(whole) ? Number(whole) : undefined;
  const [, info] = GREETING.exec(line) ?? [];
  return info !== undefined && isJson(info) ? null : undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
