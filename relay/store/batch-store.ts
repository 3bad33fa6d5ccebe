import type { BatchEndpoint, BatchFault, BatchState } from '../../shared/api/batches.ts';
import type { ProblemRecord } from '../../shared/problems/problem-record.ts';
import type { Webhook } from './queued-job-store.ts';

/** Times in milliseconds since 1970. */
export type BatchRecord = {
  id: string;
  apiKeyId: string;
  state: BatchState;
  endpoint: BatchEndpoint;
  inputFileId: string;
  metadata: Record<string, string> | null;
  /** That of every line; null before they are read, and where they are for several. */
  model: string | null;
  total: number;
  completed: number;
  failed: number;
  /** What its jobs have used; null until it has ended. */
  usage: BatchUsage | null;
  faults: readonly BatchFault[];
  outputFileId: string | null;
  errorFileId: string | null;
  /** How long these are kept, where the client says it; null for the usual time. */
  filesLifetimeMs: number | null;
  /** Who is told of its end; null once it has ended. */
  webhook: Webhook | null;
  createdAt: number;
  expiresAt: number;
  inProgressAt: number | null;
  finalizingAt: number | null;
  cancellingAt: number | null;
  endedAt: number | null;
};

/**
 * `reasoningTokens` are those of the output that were thoughts, `cachedTokens` those of the input that the nodes still knew; only
 * who writes the answers counts them.
 */
export type BatchUsage = {
  inputTokens: number;
  outputTokens: number;
  reasoningTokens?: number;
  cachedTokens?: number;
};

/** A request of a batch: what its client calls it, and where in the input file it stands. */
export type BatchLine = { number: number; customId: string; atByte: number; sizeBytes: number };

/** What became of a line: its job succeeded where there is no problem; it has no job where it was refused. */
export type BatchLineEnd = { number: number; jobId: string | null; requestId: string; problem: ProblemRecord | null };

/** A line with its end, which one of an expired or cancelled batch may not have. */
export type BatchLineNow = BatchLine & { end: BatchLineEnd | null };

export interface BatchStore {
  /** Keeps a batch as it is now. */
  putBatch(batch: BatchRecord): Promise<void>;
  /** Keeps one that has ended, forgets its lines, and writes down what its webhook is told: together or not at all. */
  endBatch(batch: BatchRecord, word?: (Webhook & { id: string; body: string }) | undefined): Promise<void>;
  findBatch(id: string): Promise<BatchRecord | undefined>;
  /** Newest first, of one key or with null of any, and one more than asked for if there are more. */
  listBatches(page: { apiKeyId: string | null; limit: number; after?: string | undefined }): Promise<BatchRecord[]>;
  /** Every one that has not ended, oldest first. */
  listLiveBatches(): Promise<BatchRecord[]>;
  /** Forgets up to `limit` batches that ended before a moment; returns how many. */
  forgetBatches(before: number, limit: number): Promise<number>;
  addLines(batchId: string, lines: readonly BatchLine[]): Promise<void>;
  dropLines(batchId: string): Promise<void>;
  /** Those without an end behind a number, in their order. */
  openLines(batchId: string, after: number, limit: number): Promise<BatchLine[]>;
  /** All behind a number, in their order. */
  listLines(batchId: string, after: number, limit: number): Promise<BatchLineNow[]>;
  /** The first end of a line counts. While its batch lives, the result of its job is not forgotten for its age. */
  endLine(batchId: string, end: BatchLineEnd): Promise<void>;
  /** Says of a line that succeeded why its answer cannot be had. */
  loseAnswer(batchId: string, number: number, problem: ProblemRecord): Promise<void>;
  countLines(batchId: string): Promise<{ completed: number; failed: number; open: number }>;
  /** What the jobs of its lines have used, whatever became of them. */
  usageOf(batchId: string): Promise<BatchUsage>;
}
