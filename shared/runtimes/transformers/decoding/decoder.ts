import type { Session, SessionInput, SessionTensor } from '../session.ts';
import { dropCache, freeCache, type KvCache, type Padding } from './kv-cache.ts';

/** Where the n-th token of a prompt and its answer stands, in as many dimensions as the model counts. */
export type PlaceOf = (token: number) => readonly number[];

/**
 * One pass over `tokens`, as many for each row, where row r has `padding[r]` empty columns in the cache. They stand before it, or
 * behind it where `padded` says so: a row then has one token, and that takes the first of them.
 */
export type DecoderPass = {
  readonly tokens: readonly (readonly number[])[];
  readonly cache: KvCache;
  /** Whether nobody else reads the cache, now or later, so that its memory is free once the pass has succeeded. */
  readonly usesUp?: boolean;
  readonly padding: readonly number[];
  readonly padded?: Padding;
  /** Of rows whose tokens stand elsewhere than one after another; `null` for those that do not. */
  readonly places?: readonly (PlaceOf | null)[];
};

/** `scores` are those of the token that follows a row; the caller may overwrite them. */
export type DecoderResult = { readonly cache: KvCache; scores(row: number): Float32Array };

/** A language model as its graph sees itself: tokens and a cache in, scores and a longer cache out. */
export type Decoder = {
  readonly session: Session;
  /** Whether a prompt may be read in pieces, and what was read be kept: plain attention, and nothing else. */
  readonly isPlain: boolean;
  /** Whether the graph is told which columns are tokens, without which rows cannot be padded. */
  readonly takesMask: boolean;
  /** Whether it is told where each token stands, without which it would count padding that stands before them. */
  readonly takesPlaces: boolean;
  /** Of the cache, for each token of a row; 0 where it does not grow with them. */
  readonly bytesPerToken: number;
  /** Uses `cache` up where it is exclusive or said to be. Rejects with the inference library's own error. */
  forward(pass: DecoderPass): Promise<DecoderResult>;
};

const PLAIN_CACHE = /^past_key_values\.\d+\.(key|value)$/;
const TOKEN_INPUTS = ['input_ids', 'attention_mask', 'position_ids'];
const SETTINGS = ['num_logits_to_keep', 'use_cache_branch'];

/** `null` when the graph has inputs that this cannot fill. `firstPlace` is the position of a row's first token. */
export function createDecoder(session: Session, firstPlace: number): Decoder | null {
  const names = new Set(session.inputs.map(({ name }) => name));
  const caches = session.inputs.filter(({ name }) => name.startsWith('past_'));
  const others = session.inputs.filter((input) => !caches.includes(input));
  if (!names.has('input_ids') || !others.every(isKnown) || !caches.every(isFillable)) return null;
  const isPlain = caches.length > 0 && caches.every(isPlainCache);
  const [axes, ...inRows] = session.inputs.find(({ name }) => name === 'position_ids')?.shape ?? [];
  const dimensions = inRows.length === 2 ? Number(axes) : 1;
  const inputs = new Map<string, string>();

  function feedsOf({ tokens, cache, padding, padded = 'before', places }: DecoderPass): Record<string, SessionTensor> {
    const rows = tokens.length;
    const length = tokens[0]?.length ?? 0;
    const feeds: Record<string, SessionTensor> = { ...cache.tensors };
    if (cache.columns === 0) for (const input of caches) feeds[input.name] = emptyCache(session, input, rows);
    const grid = (name: string, columns: number, fill: (data: BigInt64Array) => void): void => {
      if (!names.has(name)) return;
      const data = new BigInt64Array(rows * columns);
      fill(data);
      feeds[name] = session.tensor('int64', data, [rows, columns]);
    };
    grid('input_ids', length, (data) => {
      for (let at = 0; at < data.length; at++) data[at] = BigInt(tokens[Math.floor(at / length)]?.[at % length] ?? 0);
    });
    const columns = cache.columns + length;
    grid('attention_mask', columns, (data) => {
      data.fill(1n);
      for (let row = 0; row < rows; row++) {
        const empty = padding[row] ?? 0;
        const from = padded === 'before' ? row * columns : (row + 1) * columns - empty;
        data.fill(0n, from, from + empty);
      }
    });
    if (names.has('position_ids')) {
      const data = new BigInt64Array(dimensions * rows * length);
      for (let at = 0; at < data.length; at++) {
        const row = Math.floor(at / length) % rows;
        const token = cache.columns - (padding[row] ?? 0) + (at % length);
        const place = places?.[row]?.(token)[Math.floor(at / (rows * length))] ?? token;
        data[at] = BigInt(firstPlace + place);
      }
      const shape = [rows, length];
      feeds.position_ids = session.tensor('int64', data, inRows.length === 2 ? [dimensions, ...shape] : shape);
    }
    if (names.has('num_logits_to_keep')) feeds.num_logits_to_keep = session.tensor('int64', BigInt64Array.of(1n), []);
    if (names.has('use_cache_branch')) {
      feeds.use_cache_branch = session.tensor('bool', Uint8Array.of(cache.columns > 0 ? 1 : 0), [1]);
    }
    return feeds;
  }

  async function forward(pass: DecoderPass): Promise<DecoderResult> {
    const { logits, ...outputs } = await session.run(feedsOf(pass));
    if (logits === undefined) throw new Error('The model gives no scores, so it cannot answer.');
    if (pass.usesUp === true) freeCache(pass.cache);
    else dropCache(pass.cache);
    const columns = pass.cache.columns + (pass.tokens[0]?.length ?? 0);
    const tensors: Record<string, SessionTensor> = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      const input = inputs.get(name) ?? inputOf(name);
      inputs.set(name, input);
      if (names.has(input)) tensors[input] = tensor;
    }
    const scores = session.floats(logits);
    const [, steps = 1, size = 0] = logits.dims;
    const scoresOf = (row: number): Float32Array =>
      scores.subarray(((row + 1) * steps - 1) * size, (row + 1) * steps * size);
    return { cache: { columns, tensors }, scores: scoresOf };
  }

  return {
    session,
    isPlain,
    takesMask: names.has('attention_mask'),
    takesPlaces: names.has('position_ids'),
    bytesPerToken: isPlain ? caches.reduce((sum, input) => sum + bytesPerToken(input), 0) : 0,
    forward,
  };
}

function isKnown({ name, shape }: SessionInput): boolean {
  if (name === 'position_ids' && shape.length === 3) return typeof shape[0] === 'number';
  return TOKEN_INPUTS.includes(name) ? shape.length === 2 : SETTINGS.includes(name);
}

/** What an empty cache looks like must be plain from the graph: its rows, and no tokens yet. */
function isFillable({ type, shape }: SessionInput): boolean {
  return (type === 'float32' || type === 'float16') && (typeof shape[0] === 'number' || shape[0] === 'batch_size');
}

function isPlainCache({ name, shape }: SessionInput): boolean {
  const [, heads, tokens, width] = shape;
  const isSized = typeof heads === 'number' && typeof tokens === 'string' && typeof width === 'number';
  return PLAIN_CACHE.test(name) && shape.length === 4 && isSized;
}

function emptyCache(session: Session, { type, shape }: SessionInput, rows: number): SessionTensor {
  const dims = shape.map((size) => (typeof size === 'number' ? size : size === 'batch_size' ? rows : 0));
  const size = dims.reduce((product, dim) => product * dim, 1);
  return session.tensor(type, type === 'float16' ? new Uint16Array(size) : new Float32Array(size), dims);
}

function bytesPerToken({ type, shape }: SessionInput): number {
  return Number(shape[1]) * Number(shape[3]) * (type === 'float16' ? 2 : 4);
}

/** Exporters name what comes out after what goes in. */
function inputOf(output: string): string {
  return /^present_(ssm|conv|recurrent|compressor|indexer)/.test(output)
    ? output.replace('present', 'past')
    : output.replace('present', 'past_key_values');
}
