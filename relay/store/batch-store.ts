import type { BatchEndpoint, BatchFault, BatchState } from '../../shared/api/batches.ts';

/** A request of a batch: what its client calls it, and the job it became. */
export type BatchLine = { customId: string; jobId: string };

/** Times in milliseconds since 1970. */
export type BatchRecord = {
  id: string;
  apiKeyId: string;
  state: BatchState;
  endpoint: BatchEndpoint;
  inputFileId: string;
  metadata: Record<string, string> | null;
  /** Of its input; empty once it has ended. */
  lines: readonly BatchLine[];
  total: number;
  completed: number;
  failed: number;
  faults: readonly BatchFault[];
  outputFileId: string | null;
  errorFileId: string | null;
  createdAt: number;
  expiresAt: number;
  inProgressAt: number | null;
  finalizingAt: number | null;
  cancellingAt: number | null;
  endedAt: number | null;
};

export interface BatchStore {
  /** Keeps a batch as it is now. */
  putBatch(batch: BatchRecord): Promise<void>;
  findBatch(id: string): Promise<BatchRecord | undefined>;
  /** Newest first, and one more than asked for if there are more. */
  listBatches(page: { apiKeyId: string; limit: number; after?: string | undefined }): Promise<BatchRecord[]>;
  /** Every one that has not ended, oldest first. */
  listLiveBatches(): Promise<BatchRecord[]>;
}
