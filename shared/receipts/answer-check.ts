import { bytesToHex } from '../protocol/hex.ts';
import { canonicalBytes } from './canonical-json.ts';
import type { Receipt } from './receipt.ts';

/**
 * Whether a receipt stands for this answer as somebody has kept it: a text, with or without the line end that terminals and
 * editors put behind it, or the JSON of what a service gave as its output. Vectors, calls of tools and several choices are hashed
 * otherwise (`hashed-content.ts`), and are no answer to this.
 */
export async function isAnswerOf({ responseHash }: Pick<Receipt, 'responseHash'>, kept: string): Promise<boolean> {
  const encoder = new TextEncoder();
  const forms = [encoder.encode(kept), encoder.encode(kept.replace(/\r?\n$/, '')), ...jsonForms(kept)];
  for (const form of forms) {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', form));
    if (bytesToHex(digest) === responseHash) return true;
  }
  return false;
}

function jsonForms(kept: string): Uint8Array<ArrayBuffer>[] {
  try {
    return [canonicalBytes(JSON.parse(kept))];
  } catch {
    // Most answers are none.
    return [];
  }
}
