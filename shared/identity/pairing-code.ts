import { bytesToBase64Url } from '../protocol/base64.ts';

/** Neither 0 and O nor 1, I and L: a code is read aloud and typed. */
const ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';
const GROUPS = 3;
const GROUP_LETTERS = 4;
/** 31^12 is 59 bits. They need not survive long: a code lives ten minutes, and guesses are counted. */
const CODE_LETTERS = GROUPS * GROUP_LETTERS;

/** Bytes to take letters from; larger ones would favour the first letters of the alphabet. */
const FAIR_BYTES = 256 - (256 % ALPHABET.length);

/** A new one-time code such as `K7QF-2M9X-HB4T`. */
export function newPairingCode(randomBytes: (size: number) => Uint8Array): string {
  let letters = '';
  while (letters.length < CODE_LETTERS) {
    for (const byte of randomBytes(CODE_LETTERS)) {
      if (byte < FAIR_BYTES && letters.length < CODE_LETTERS) letters += ALPHABET[byte % ALPHABET.length];
    }
  }
  return inGroups(letters);
}

/** A code as a person typed it, in its one written form; undefined when it cannot be a code. */
export function readPairingCode(text: string): string | undefined {
  const letters = text.toUpperCase().replace(/[\s-]/g, '');
  if (letters.length !== CODE_LETTERS) return undefined;
  for (const letter of letters) if (!ALPHABET.includes(letter)) return undefined;
  return inGroups(letters);
}

/**
 * What relay and node make of a code. `id` names it in public, `secret` proves it and is all that the relay keeps;
 * neither leads back to the code other than by trying all of them.
 */
export type CodeSecrets = { id: string; secret: string };

export async function codeSecretsOf(code: string): Promise<CodeSecrets> {
  const digest = (label: string): Promise<string> => sha256(`sparewatt pairing code ${label}\n${code}`);
  const [id, secret] = await Promise.all([digest('id'), digest('secret')]);
  return { id: id.slice(0, 16), secret };
}

async function sha256(text: string): Promise<string> {
  return bytesToBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));
}

function inGroups(letters: string): string {
  return Array.from({ length: GROUPS }, (_, i) => letters.slice(i * GROUP_LETTERS, (i + 1) * GROUP_LETTERS)).join('-');
}
