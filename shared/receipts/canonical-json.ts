/**
 * Writes a value as RFC 8785 canonical JSON: the same value gives the same bytes in every implementation.
 *
 * Members whose value is `undefined` are left out, as JSON does. Errors: `TypeError` for what JSON cannot say exactly
 * (NaN, infinities, bigints, functions, dates and other class instances, holes in arrays, lone surrogates, cycles).
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

/** The canonical JSON of a value as UTF-8, which is what gets hashed and signed. */
export function canonicalBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonicalJson(value));
}

/** Deeper than any record of ours, and shallow enough that a cycle is noticed before the stack runs out. */
const MAX_DEPTH = 500;

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
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError('canonical JSON cannot hold an instance of a class');
  }
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
