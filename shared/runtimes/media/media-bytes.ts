import { Problem } from '../../problems/problem.ts';
import { base64ToBytes } from '../../protocol/base64.ts';

const DATA_URL = /^data:[\w.+-]*\/?[\w.+-]*(?:;[\w.+-]+=[^;,]*)*;base64,/i;

/** The bytes of a file that came as base64 or as a data URL. Errors: `invalid_value` with the parameter. */
export function decodeBase64(text: string, param: string): Uint8Array<ArrayBuffer> {
  const head = DATA_URL.exec(text.slice(0, 256))?.[0] ?? '';
  try {
    return base64ToBytes(text.slice(head.length));
  } catch {
    throw new Problem('invalid_value', `Invalid value for '${param}': it must be a file in base64.`, { param });
  }
}

/** Whether the bytes at `offset` are these characters. */
export function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  if (bytes.length < offset + text.length) return false;
  return [...text].every((character, index) => bytes[offset + index] === character.charCodeAt(0));
}
