/** Each escape of JSON in turn, so that what follows a backslash which is itself escaped is read as text. */
const ESCAPE = /\\(?:ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|u(d[89a-f][0-9a-f]{2})|.)/gis;
const MAY_BE_HALF = /\\ud[89a-f]/i;

/**
 * Whether JSON text, which came as UTF-8, has half of a surrogate pair in it, as programs write that cut text between the two
 * halves of an emoji. It has no UTF-8 and no canonical form: such text can be neither hashed nor signed for.
 */
export function holdsHalfCharacter(json: string): boolean {
  // Next to nobody escapes what stands beyond the first plane.
  if (!json.includes('\\u') || !MAY_BE_HALF.test(json)) return false;
  for (const [, half] of json.matchAll(ESCAPE)) if (half !== undefined) return true;
  return false;
}
