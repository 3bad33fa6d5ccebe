import type { BatchRecord } from '../batch-store.ts';

/** The condition is that of the index. */
export const LIVE_BATCHES =
  "SELECT record FROM batches WHERE state IN ('validating', 'in_progress', 'finalizing', 'cancelling') ORDER BY id";

export type BatchRow = { record: string };

export function batchOf({ record }: BatchRow): BatchRecord {
  return JSON.parse(record) as BatchRecord;
}
