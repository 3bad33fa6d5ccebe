import type { KvCache } from '../decoding/kv-cache.ts';

/** What several rows have read and written, side by side. Sources that are shorter than others are padded behind. */
export type ReadRows = {
  /** Tokens of each row's source. */
  readonly lengths: readonly number[];
  readonly source: KvCache;
  /** As many columns for each row. */
  readonly written: KvCache;
};

/** An encoder that reads texts and a decoder that writes others, as rows of tokens. All reject with the library's own error. */
export type WritingGraph = {
  /** Whether both are told which columns of a source are tokens, without which rows cannot be padded. */
  readonly takesMask: boolean;
  /** Runs before a pass where the host's passes never return to its event loop, so that no cancel would be heard. */
  readonly breathe: (() => Promise<void>) | null;
  read(sources: readonly (readonly number[])[]): Promise<ReadRows>;
  /** One token for each row. Uses up what was written before, unless it fails; `scores` are those of a row's next token. */
  write(
    rows: ReadRows,
    tokens: readonly number[],
  ): Promise<{ readonly rows: ReadRows; scores(row: number): Float32Array }>;
  /** Whether some of the rows may go on without the others, which caches on a GPU do not allow. */
  canPick(rows: ReadRows): boolean;
  /** A copy of some of the rows. */
  pick(rows: ReadRows, places: readonly number[]): ReadRows;
  drop(rows: ReadRows): void;
};

/** What one row asks of the passes that it shares: its source is read first, then each token gives the scores of the next. */
export type RowPasses = {
  read(source: readonly number[]): Promise<void>;
  write(token: number): Promise<Float32Array>;
};
