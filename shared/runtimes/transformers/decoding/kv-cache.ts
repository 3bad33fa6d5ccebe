/**
 * What a language model remembers of the tokens it has read, for one or several rows of tokens.
 *
 * 1. A cache in ordinary memory is never written to, so that it may be used by several at once. Its last user may give its
 *    memory back.
 * 2. A cache on a GPU has one user and is let go of by the pass that takes it further.
 * 3. Rows of unequal length all end at the last column or all begin at the first, as the graph wants it; the rest is padding,
 *    of zeros.
 */

import type { Session, SessionTensor } from '../session.ts';
import { createPrefixStore, type PrefixStore } from './prefix-store.ts';

/** Where rows that are shorter than others are filled: graphs that count a row's tokens want it behind them. */
export type Padding = 'before' | 'behind';

export type KvCache = {
  /** Tokens of the longest row. */
  readonly columns: number;
  /** By the name of the input that takes them: `[rows, heads, columns, width]` each, in plain attention. */
  readonly tensors: Readonly<Record<string, SessionTensor>>;
};

/** Of rows that have read nothing. */
export const EMPTY_CACHE: KvCache = { columns: 0, tensors: {} };

/** The columns `from … to` of one row. */
export type KvPart = { readonly cache: KvCache; readonly row: number; readonly from: number; readonly to: number };

/** The parts as the rows of one cache, each copied once. */
export function joinCaches(session: Pick<Session, 'tensor'>, parts: readonly KvPart[], padding: Padding): KvCache {
  const [first] = parts;
  const columns = parts.reduce((most, { from, to }) => Math.max(most, to - from), 0);
  if (first === undefined || isWhole(parts, first)) return first?.cache ?? EMPTY_CACHE;
  const names = Object.keys(first.cache.tensors);
  return {
    columns,
    tensors: Object.fromEntries(names.map((name) => [name, joinTensors(session, parts, name, columns, padding)])),
  };
}

/** One row on its own. */
export function partCache(session: Session, part: KvPart): KvCache {
  return joinCaches(session, [part], 'before');
}

function isWhole(parts: readonly KvPart[], { cache, from, to }: KvPart): boolean {
  return parts.length === 1 && from === 0 && to === cache.columns && rowsOf(cache) === 1;
}

function rowsOf({ tensors }: KvCache): number {
  return Object.values(tensors)[0]?.dims[0] ?? 1;
}

function joinTensors(
  session: Pick<Session, 'tensor'>,
  parts: readonly KvPart[],
  name: string,
  columns: number,
  padding: Padding,
): SessionTensor {
  const like = tensorOf(parts[0] as KvPart, name);
  const [, heads = 1, , width = 1] = like.dims;
  const size = parts.length * heads * columns * width;
  const joined = like.type === 'float16' ? new Uint16Array(size) : new Float32Array(size);
  for (const [index, part] of parts.entries()) {
    const tensor = tensorOf(part, name);
    const source = bitsOf(tensor);
    const length = tensor.dims[2] ?? 0;
    const before = padding === 'before' ? columns - (part.to - part.from) : 0;
    for (let head = 0; head < heads; head++) {
      const from = (part.row * heads + head) * length;
      const to = (index * heads + head) * columns + before;
      joined.set(source.subarray((from + part.from) * width, (from + part.to) * width), to * width);
    }
  }
  return session.tensor(like.type, joined, [parts.length, heads, columns, width]);
}

function tensorOf({ cache }: KvPart, name: string): SessionTensor {
  const tensor = cache.tensors[name];
  if (tensor === undefined) throw new Error(`A cache has no ${name}.`);
  return tensor;
}

/** The numbers of a tensor of floats; those of 16 bits as they are, whichever kind of array a host shows them in. */
export function bitsOf({ type, data }: Pick<SessionTensor, 'type' | 'data'>): Float32Array | Uint16Array {
  if (type !== 'float16') return data as Float32Array;
  const { buffer, byteOffset, length } = data as Uint16Array;
  return new Uint16Array(buffer, byteOffset, length);
}

/** What a cache takes, its padding included. */
function cacheBytes({ tensors }: KvCache): number {
  let bytes = 0;
  for (const { type, dims } of Object.values(tensors)) {
    bytes += dims.reduce((product, size) => product * size, 1) * (type === 'float16' ? 2 : 4);
  }
  return bytes;
}

/** Whether only one may use the cache, and only as a whole. */
export function isExclusive({ tensors }: KvCache): boolean {
  return Object.values(tensors).some(({ location }) => location === 'gpu-buffer');
}

/** Gives back what the garbage collector does not know of. */
export function dropCache({ tensors }: KvCache): void {
  for (const tensor of Object.values(tensors)) if (tensor.location === 'gpu-buffer') tensor.dispose();
}

/**
 * Gives back the memory of what its only user has done with. The garbage collector would leave it lying for dozens of passes, so
 * that each writes its cache where the processor's caches know nothing of, and drives out the weights.
 */
export function freeCache(cache: KvCache): void {
  dropCache(cache);
  for (const tensor of Object.values(cache.tensors)) {
    if (tensor.location !== 'cpu') continue;
    const { buffer, byteLength } = bitsOf(tensor);
    // A host may show a part of memory that holds more than this.
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  }
}

/** Keeps caches of one row for later prompts. */
export function createKvStore(session: Session, budgetBytes: number): PrefixStore<KvCache> {
  const fork = (cache: KvCache, tokens: number): KvCache | null =>
    isExclusive(cache) ? null : partCache(session, { cache, row: 0, from: 0, to: tokens });
  return createPrefixStore({ sizeBytes: cacheBytes, fork, drop: dropCache }, budgetBytes);
}
