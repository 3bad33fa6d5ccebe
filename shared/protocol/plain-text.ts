/**
 * Control characters move a terminal's cursor, and embeddings, overrides and isolates turn the direction of what stands
 * beside them (CVE-2021-42574): with either, what is shown is not what was written. Joiners, which scripts and emoji need, are
 * neither. Halves of characters cannot be signed. As ranges: patterns of /openapi.json are read by other languages, too, and not
 * all know classes of Unicode.
 */
const DECEIVING = '\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff\\u202a-\\u202e\\u2066-\\u2069';

/** Of text that is shown to people as its writer gave it. */
export const PLAIN_TEXT = `^[^${DECEIVING}]*$`;

/** What a text that is none is told. */
export const PLAIN_TEXT_SENTENCE =
  'must have no control characters and none that turn the direction of writing (U+0000–001F, U+007F–009F, U+202A–202E, U+2066–2069)';

const deceiving = new RegExp(`[${DECEIVING}]`, 'gu');

export function plainText(text: string): string {
  return text.replace(deceiving, '');
}
