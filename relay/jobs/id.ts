import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARACTERS = 9;
const RANDOM_CHARACTERS = 15;
const POOL_BYTES = 4_096;

let pool = Buffer.alloc(0);
let used = 0;

/**
 * An id such as `job_0192mz0sqk…`: 45 bits of Unix milliseconds, then 75 random bits, in Crockford's base 32.
 * Ids sort by time, so that the newest rows of an index lie side by side.
 */
export function newId(prefix: string, now: number = Date.now()): string {
  let time = '';
  for (let i = 0, rest = now; i < TIME_CHARACTERS; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time;
  let random = '';
  for (let i = 0; i < RANDOM_CHARACTERS; i++) random += ALPHABET[nextByte() & 31];
  return `${prefix}_${time}${random}`;
}

function nextByte(): number {
  // One call of randomBytes per id would cost more than the rest of the id.
  if (used >= pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  return pool[used++] ?? 0;
}
