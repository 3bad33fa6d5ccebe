import type { Migration } from './migration.ts';

/**
 * The lines of batches, which were part of their batch's record: now a batch may have fifty thousand, and its record is
 * written whenever its state changes. What was not through in the old form is forgotten; its jobs are not.
 */
export const batchLines: Migration = {
  id: 180,
  name: 'batch-lines',
  sql: `
DELETE FROM batches WHERE state IN ('validating', 'in_progress', 'finalizing', 'cancelling');
ALTER TABLE batches ADD COLUMN ended_at INTEGER;
UPDATE batches SET ended_at = json_extract(record, '$.endedAt');
CREATE INDEX batches_ended ON batches (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE batch_lines (
  batch TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  custom_id TEXT NOT NULL,
  at_byte INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  job_id TEXT,
  request_id TEXT,
  problem TEXT,
  PRIMARY KEY (batch, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_lines_of_job ON batch_lines (job_id) WHERE job_id IS NOT NULL;
`,
};
