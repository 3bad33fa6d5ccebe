import type { ShownPicture } from '../chat/shown-pictures.ts';
import type { JsonObject } from '../model-files.ts';
import type { PlaceOf } from './decoder.ts';
import { EMPTY_CACHE, type KvCache } from './kv-cache.ts';
import { likeliest } from './sampling.ts';

/** Picks the next token from the scores of all tokens, which it may overwrite. */
export type TokenChooser = (logits: Float32Array) => number;

/** One answer to a prompt. */
export type RowOptions = {
  maxNewTokens: number;
  /** `null` takes the token with the highest score, the first of those that are equal. */
  choose: TokenChooser | null;
  onToken(id: number): void;
  /** Asked after every token, and after every piece of the prompt. */
  shouldStop(): boolean;
};

export type GenerateOptions = {
  /** Whose earlier prompts may serve this one; `null` begins anew and keeps nothing. */
  scope: string | null;
  /** What the conversation is called among those that are still known. */
  session: string | null;
  /** Whether the answers are to be the same whatever else is going on. */
  isSeeded: boolean;
  /** The answers to make, at least one. */
  rows: readonly RowOptions[];
  /** Where the tokens stand that do not stand one after another. */
  placeOf?: PlaceOf | null;
  /** What a model that reads pictures sees of them. */
  shown?: ShownInPrompt;
};

/** What the pictures of a prompt are to a model: its inputs beside the tokens, and which tokens stand for which picture. */
export type ShownInPrompt = {
  readonly feeds: JsonObject;
  readonly pictures: readonly ShownPicture[];
};

/** A prompt, how much of it was read, and how many of its answers are still being made. */
export type DecodeRequest = {
  readonly promptIds: readonly number[];
  readonly scope: string | null;
  readonly session: string | null;
  readonly mayShare: boolean;
  readonly placeOf: PlaceOf | null;
  readonly rows: readonly DecodeRow[];
  readonly done: Promise<void>;
  /** What was read of the prompt, whether nobody else has it, and how many tokens that are. */
  cache: KvCache;
  isCacheOwn: boolean;
  read: number;
  /** How many tokens of the prompt nobody had to read, since a request before it had. */
  known: number;
  hasWaited: boolean;
  /** Ends one row; the first error given is the request's. */
  end(row: DecodeRow, failure?: { error: unknown }): void;
  hasFailed(): boolean;
};

/** An answer that is being made. `ids` are the prompt's and its own; all but the last were read. */
export type DecodeRow = {
  readonly options: RowOptions;
  readonly ids: number[];
  /** The most tokens that may come to lie in the cache. */
  readonly mostTokens: number;
  readonly request: DecodeRequest;
};

export function createRequest(
  promptIds: readonly number[],
  { scope, session, rows, placeOf = null }: GenerateOptions,
  mayShare: boolean,
): DecodeRequest {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const left = new Set<DecodeRow>();
  let failure: { error: unknown } | null = null;
  const request: DecodeRequest = {
    promptIds,
    scope,
    session,
    mayShare,
    placeOf,
    rows: rows.map((options) => ({
      options,
      ids: [...promptIds],
      mostTokens: promptIds.length + options.maxNewTokens,
      get request() {
        return request;
      },
    })),
    done: promise,
    cache: EMPTY_CACHE,
    isCacheOwn: false,
    read: 0,
    known: 0,
    hasWaited: false,
    end(row, failed) {
      failure ??= failed ?? null;
      if (!left.delete(row) || left.size > 0) return;
      if (failure === null) resolve();
      else reject(failure.error);
    },
    hasFailed: () => failure !== null,
  };
  for (const row of request.rows) left.add(row);
  return request;
}

/** Whether nobody wants the answer any more, or all of it is there. */
export function isStopped({ options, request }: DecodeRow): boolean {
  return request.hasFailed() || options.shouldStop();
}

/** Takes the next token; `false` when it was the last. A chooser or receiver that throws fails its own request. */
export function takeToken(row: DecodeRow, scores: Float32Array): boolean {
  const { options, ids, request } = row;
  try {
    const id = options.choose === null ? likeliest(scores) : options.choose(scores);
    ids.push(id);
    options.onToken(id);
    return !isStopped(row) && ids.length < row.mostTokens;
  } catch (error) {
    request.end(row, { error });
    return false;
  }
}
