/**
 * Decodes the answers of all jobs of one model, several rows to a pass where the model allows it.
 *
 * 1. One pass runs at a time. A round is a piece of one prompt, then a token for every row: whoever reads a long prompt
 *    stops nobody, and no row waits for another's end.
 * 2. A request is in `waiting`, in `reading`, or its rows are in `groups`; it settles when all its rows have ended.
 * 3. The rows of a group share its passes. A row comes in when its prompt was read and goes when it has ended, between
 *    two passes. A group of one is passed on as it is: a lone answer pays for no copy.
 * 4. What runs has reserved the memory of its longest possible answers, with their padding, and that stays within
 *    `budgetBytes` together with what is kept of ended conversations; only a request that runs alone may need more.
 * 5. A pass that fails is repeated for each of its rows alone, so that a row takes no other with it.
 */
import { findPadding } from './batch-probe.ts';
import {
  type DecodeGroup,
  groupOf,
  hasRoomFor,
  joinGroup,
  mostTokensOf,
  passOf,
  splitGroup,
  takeTokens,
} from './decode-group.ts';
import {
  createRequest,
  type DecodeRequest,
  type DecodeRow,
  type GenerateOptions,
  isStopped,
  takeToken,
} from './decode-request.ts';
import type { Decoder } from './decoder.ts';
import { dropCache, EMPTY_CACHE, isExclusive, type KvCache, type KvPart, type Padding, partCache } from './kv-cache.ts';
import type { PrefixStore } from './prefix-store.ts';

export type DecodeLoopOptions = {
  decoder: Decoder;
  prefixes: PrefixStore<KvCache>;
  /** Of key and value caches, running and kept. */
  budgetBytes: number;
  /** Whether rows that are computed together have the numbers they have alone, but for rounding. */
  areRowsIndependent: boolean;
  /** Runs between two rounds where the host's passes never return to its event loop. */
  breathe: (() => Promise<void>) | null;
};

export type DecodeLoop = {
  /**
   * Resolves when all rows have ended, with how many tokens of the prompt were known from before; rejects with the error of the
   * first that failed, after the others have stopped.
   */
  generate(promptIds: readonly number[], options: GenerateOptions): Promise<number>;
  /** The sessions of what is kept, the one used last first. */
  warmSessions(): string[];
  /** Resolves when nothing runs any more; what was unfinished is rejected. */
  close(): Promise<void>;
};

/**
 * Prompts are read in pieces: a cancel waits for one piece at most, others get their turn in between, and models
 * that compute scores for every prompt token need memory for one piece (128 x 50,000 scores are 26 MB, 8,192 are 1.6 GB).
 */
const PROMPT_PIECE_TOKENS = 128;
/**
 * Models keep what attends to nothing at the first token, whose activations are hundreds of times those of all others. Scaled
 * by one number with it, the rest of a pass has a few steps of its 256 left: SmolLM2 in q8 reads a text with a perplexity of 19,
 * and with one of 12 where that token went before (RESULTS.md).
 */
const FIRST_ALONE_TOKENS = 1;

export function createDecodeLoop(options: DecodeLoopOptions): DecodeLoop {
  const { decoder, prefixes } = options;
  const waiting: DecodeRequest[] = [];
  const reading: DecodeRequest[] = [];
  let groups: DecodeGroup[] = [];
  let isClosed = false;
  let work: Promise<void> | null = null;
  /** How the model takes rows side by side, `null` if not at all; `undefined` while that was not tried. */
  let padded: Padding | null | undefined;

  const isBusy = (): boolean => reading.length + groups.length > 0;
  const reservedBytes = (): number => {
    const read = reading.reduce((sum, { rows }) => sum + mostTokensOf(rows), 0);
    return decoder.bytesPerToken * groups.reduce((sum, { rows }) => sum + mostTokensOf(rows), read);
  };

  function admit(): void {
    for (const request of waiting.filter(({ hasWaited, rows }) => hasWaited && rows.every(isStopped))) {
      waiting.splice(waiting.indexOf(request), 1);
      endAll(request);
    }
    for (let request = waiting[0]; request !== undefined; request = waiting[0]) {
      const needed = reservedBytes() + decoder.bytesPerToken * mostTokensOf(request.rows);
      if (isBusy() && needed > options.budgetBytes) break;
      waiting.shift();
      // What it goes on from is taken before all that is kept must give way to it.
      beginReading(request);
      prefixes.limit(options.budgetBytes - needed);
    }
    for (const request of waiting) request.hasWaited = true;
  }

  function beginReading(request: DecodeRequest): void {
    const known = request.scope === null ? null : prefixes.take(request.scope, request.promptIds);
    request.cache = known?.state ?? EMPTY_CACHE;
    request.isCacheOwn = known !== null && !known.isShared;
    request.read = known?.tokens ?? 0;
    request.known = request.read;
    reading.push(request);
  }

  function pieceEnd({ promptIds, read }: DecodeRequest): number {
    if (!decoder.isPlain) return promptIds.length;
    const piece = read === 0 && !options.areRowsIndependent ? FIRST_ALONE_TOKENS : PROMPT_PIECE_TOKENS;
    return Math.min(read + piece, promptIds.length);
  }

  async function readPiece(request: DecodeRequest): Promise<void> {
    const { promptIds, read, cache, isCacheOwn } = request;
    const end = pieceEnd(request);
    try {
      const tokens = [promptIds.slice(read, end)];
      const places = [request.placeOf];
      const result = await decoder.forward({ tokens, cache, usesUp: isCacheOwn, padding: [0], places });
      request.cache = result.cache;
      request.isCacheOwn = true;
      request.read = end;
      if (end === promptIds.length) await beginAnswers(request, result.scores(0));
      else if (!request.rows.every(isStopped)) reading.push(request);
      else {
        keep(request, promptIds.slice(0, end), result.cache);
        endAll(request);
      }
    } catch (error) {
      endAll(request, { error });
    }
  }

  /** The first token of every answer comes from the prompt's own scores. */
  async function beginAnswers(request: DecodeRequest, scores: Float32Array): Promise<void> {
    const { cache, rows } = request;
    const served = isExclusive(cache) ? rows.slice(0, 1) : rows;
    for (const [index, row] of served.entries()) {
      await beginAnswer(row, cache, index === served.length - 1 ? scores : scores.slice());
    }
    // Who comes second to a cache that has one user reads the prompt again.
    for (const row of rows.slice(served.length)) beginReading({ ...request, rows: [row] });
  }

  async function beginAnswer(row: DecodeRow, cache: KvCache, scores: Float32Array): Promise<void> {
    if (!takeToken(row, scores)) return endRow(row, { cache, row: 0, from: 0, to: cache.columns });
    const mayGrow = row.request.mayShare && !isExclusive(cache);
    const group = mayGrow ? groupFor(row) : undefined;
    if (group !== undefined && padded === undefined) {
      padded = await findPadding(decoder, options.areRowsIndependent).catch(() => null);
    }
    if (group !== undefined && padded != null) joinGroup(decoder, group, row, { cache, padded });
    else groups.push(groupOf(row, cache, mayGrow));
  }

  function groupFor(row: DecodeRow): DecodeGroup | undefined {
    if (padded === null) return undefined;
    const reserved = reservedBytes();
    const fits = (group: DecodeGroup): boolean => {
      const more = mostTokensOf([...group.rows, row]) - mostTokensOf(group.rows);
      return group.mayGrow && hasRoomFor(group, row) && reserved + more * decoder.bytesPerToken <= options.budgetBytes;
    };
    return groups.find(fits);
  }

  async function step(group: DecodeGroup): Promise<void> {
    const result = await passOf(decoder, group).catch((error: unknown) => ({ error }));
    try {
      if ('error' in result) leaveAlone(group, result.error);
      else takeTokens(decoder, group, result, endRow);
    } catch (error) {
      for (const row of group.rows) row.request.end(row, { error });
      group.rows = [];
    }
    if (group.rows.length === 0) groups = groups.filter((other) => other !== group);
  }

  function leaveAlone(group: DecodeGroup, error: unknown): void {
    if (group.rows.length === 1) throw error;
    groups.push(...splitGroup(decoder, group));
    group.rows = [];
  }

  function endRow(row: DecodeRow, part: KvPart): void {
    if (row.request.hasFailed()) dropCache(part.cache);
    else keep(row.request, row.ids.slice(0, part.to - part.from), part);
    row.request.end(row);
  }

  function endAll(request: DecodeRequest, failure?: { error: unknown }): void {
    for (const row of request.rows) request.end(row, failure);
  }

  /** What was computed from `ids` may serve a later request of the same scope. */
  function keep({ scope, session }: DecodeRequest, ids: readonly number[], computed: KvCache | KvPart): void {
    const part = 'cache' in computed ? computed : { cache: computed, row: 0, from: 0, to: computed.columns };
    prefixes.limit(options.budgetBytes - reservedBytes());
    if (scope !== null && decoder.isPlain) {
      prefixes.keep(scope, ids, partCache(decoder.session, part), session);
    } else dropCache(part.cache);
  }

  async function round(): Promise<void> {
    admit();
    const request = reading.shift();
    if (request !== undefined) await readPiece(request);
    for (const group of [...groups]) await step(group);
    await options.breathe?.();
  }

  async function run(): Promise<void> {
    while (!isClosed && (waiting.length > 0 || isBusy())) await round();
    work = null;
    if (!isClosed) return;
    const error = goneError();
    for (const request of [...waiting, ...reading]) endAll(request, { error });
    for (const row of groups.flatMap(({ rows }) => rows)) row.request.end(row, { error });
  }

  return {
    async generate(promptIds, asked) {
      if (isClosed) throw goneError();
      const mayShare = decoder.isPlain && (options.areRowsIndependent || !asked.isSeeded);
      const scope = decoder.isPlain && !asked.isSeeded ? asked.scope : null;
      const request = createRequest(promptIds, { ...asked, scope }, mayShare);
      waiting.push(request);
      work ??= run();
      await request.done;
      return request.known;
    },
    warmSessions: prefixes.sessions,
    async close() {
      isClosed = true;
      await work;
      prefixes.clear();
    },
  };
}

function goneError(): Error {
  return new Error('The model was taken out of memory.');
}
