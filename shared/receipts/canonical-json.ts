/**
 * Writes a value as RFC 8785 canonical JSON: the same value gives the same bytes in every implementation.
 *
 * Members whose value is `undefined` are left out, as JSON does. Errors: `TypeError` for what JSON cannot say exactly
 * (NaN, infinities, bigints, functions, dates and other class instances, holes in arrays, lone surrogates, cycles).
 */
export function canonicalJson(value: unknown): string {
  return isCanonical(value, 0) ? JSON.stringify(value) : write(value, 0);
}

/** The canonical JSON of a value as UTF-8, which is what gets hashed and signed. */
export function canonicalBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(canonicalJson(value));
}

const encoder = new TextEncoder();

/** Deeper than any record of ours, and shallow enough that a cycle is noticed before the stack runs out. */
const MAX_DEPTH = 500;

/**
 * Whether `JSON.stringify`, several times as fast as `write`, gives the same text: all members stand in order already.
 * May be false for other reasons, too.
 */
function isCanonical(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value !== 'object' || depth === MAX_DEPTH) return false;
  if (Array.isArray(value)) return isCanonicalArray(value, depth);
  if (!isPlain(value)) return false;
  let last = '';
  for (const key of Object.keys(value)) {
    if (key < last || !key.isWellFormed()) return false;
    if (!isCanonical((value as Record<string, unknown>)[key], depth + 1)) return false;
    last = key;
  }
  return true;
}

/** A loop, because `every` passes over holes. */
function isCanonicalArray(items: readonly unknown[], depth: number): boolean {
  for (const item of items) if (!isCanonical(item, depth + 1)) return false;
  return true;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function write(value: unknown, depth: number): string {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (typeof value === 'string') return writeString(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object') throw new TypeError(`canonical JSON cannot hold ${describe(value)}`);
  if (depth === MAX_DEPTH) throw new TypeError(`canonical JSON cannot hold more than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return writeArray(value, depth);
  return writeObject(value, depth);
}

/** Piece by piece: a list of 2,048 tokenized texts holds a million numbers. */
function writeArray(items: readonly unknown[], depth: number): string {
  let text = '';
  for (const item of items) text += text === '' ? write(item, depth + 1) : `,${write(item, depth + 1)}`;
  return `[${text}]`;
}

function writeObject(value: object, depth: number): string {
  if (!isPlain(value)) throw new TypeError('canonical JSON cannot hold an instance of a class');
  const members: string[] = [];
  // The default order of `sort` is by UTF-16 code unit, which is what the RFC asks for.
  for (const key of Object.keys(value).sort()) {
    const member: unknown = (value as Record<string, unknown>)[key];
    if (member !== undefined) members.push(`${writeString(key)}:${write(member, depth + 1)}`);
  }
  return `{${members.join(',')}}`;
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('canonical JSON cannot hold a lone surrogate');
  return JSON.stringify(text);
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value;
}
