import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARACTERS = 9;
const RANDOM_CHARACTERS = 15;
/** One call of `randomBytes` per id would cost more than the rest of the id. */
const POOL_IDS = 256;

let pool = '';
let used = 0;
let timeMs = Number.NaN;
let timeText = '';

/**
 * An id such as `job_0192mz0sqk…`: 45 bits of Unix milliseconds, then 75 random bits, in Crockford's base 32.
 * Ids sort by time, so that the newest rows of an index lie side by side.
 */
export function newId(prefix: string, now: number = Date.now()): string {
  if (used >= pool.length) refill();
  if (now !== timeMs) {
    timeMs = now;
    timeText = encodeTime(now);
  }
  const id = `${prefix}_${timeText}${pool.slice(used, used + RANDOM_CHARACTERS)}`;
  used += RANDOM_CHARACTERS;
  return id;
}

/** What every id of this time or later is behind. */
export function idsSince(prefix: string, ms: number): string {
  return `${prefix}_${encodeTime(ms)}`;
}

function encodeTime(ms: number): string {
  let text = '';
  for (let i = 0, rest = ms; i < TIME_CHARACTERS; i++, rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32] + text;
  return text;
}

function refill(): void {
  const bytes = randomBytes(POOL_IDS * RANDOM_CHARACTERS);
  for (let i = 0; i < bytes.length; i++) bytes[i] = ALPHABET.charCodeAt((bytes[i] ?? 0) & 31);
  pool = bytes.toString('latin1');
  used = 0;
}
