import type { Batch, BatchState } from '../../../shared/api/batches.ts';
import type { BatchRecord } from '../../store/batch-store.ts';
import { usageOf } from '../openai/response-object.ts';

export function batchView(batch: BatchRecord): Batch {
  const { id, state, endpoint, inputFileId, faults, total, completed, failed, metadata, model } = batch;
  const endedAs = (end: BatchState): number | null => (state === end ? seconds(batch.endedAt) : null);
  // What the file of answers is called is known before it is there.
  const isThere = batch.endedAt !== null;
  return {
    id,
    object: 'batch',
    endpoint,
    errors: faults.length === 0 ? null : { object: 'list', data: [...faults] },
    input_file_id: inputFileId,
    completion_window: '24h',
    status: state,
    output_file_id: isThere ? batch.outputFileId : null,
    error_file_id: isThere ? batch.errorFileId : null,
    created_at: Math.floor(batch.createdAt / 1_000),
    in_progress_at: seconds(batch.inProgressAt),
    expires_at: seconds(batch.expiresAt),
    finalizing_at: seconds(batch.finalizingAt),
    completed_at: endedAs('completed'),
    failed_at: endedAs('failed'),
    expired_at: endedAs('expired'),
    cancelling_at: seconds(batch.cancellingAt),
    cancelled_at: endedAs('cancelled'),
    request_counts: { total, completed, failed },
    metadata,
    model,
    usage: batch.usage === null ? null : usageOf(batch.usage, batch.usage.reasoningTokens),
  };
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : Math.floor(ms / 1_000);
}
