import type { BatchRecord } from '../store/batch-store.ts';

/** The CloudEvent of a batch's end. It holds nothing of its answers: whoever is told fetches their files. */
export function batchEvent(batch: BatchRecord): { id: string; body: string } {
  const { state, endpoint, total, completed, failed, outputFileId, errorFileId, endedAt } = batch;
  const id = `${batch.id}.end`;
  const body = JSON.stringify({
    specversion: '1.0',
    id,
    source: `/v1/batches/${batch.id}`,
    type: `sparewatt.batch.${state}`,
    time: new Date(endedAt ?? 0).toISOString(),
    datacontenttype: 'application/json',
    data: {
      batch: batch.id,
      endpoint,
      state,
      request_counts: { total, completed, failed },
      output_file_id: outputFileId,
      error_file_id: errorFileId,
    },
  });
  return { id, body };
}
