import type { Migration } from '../../migration.ts';

/** The lines of batches, which were part of their batch's record. What was not through in the old form is forgotten. */
export const batchLines: Migration = {
  id: 180,
  name: 'batch-lines',
  sql: `
DELETE FROM batches WHERE state IN ('validating', 'in_progress', 'finalizing', 'cancelling');
ALTER TABLE batches ADD COLUMN ended_at BIGINT;
UPDATE batches SET ended_at = (record::json ->> 'endedAt')::bigint;
CREATE INDEX batches_ended ON batches (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE batch_lines (
  batch TEXT COLLATE "C" NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  custom_id TEXT NOT NULL,
  at_byte BIGINT NOT NULL,
  size_bytes INTEGER NOT NULL,
  job_id TEXT COLLATE "C",
  request_id TEXT,
  problem TEXT,
  PRIMARY KEY (batch, number)
);
CREATE INDEX batch_lines_of_job ON batch_lines (job_id) WHERE job_id IS NOT NULL;
`,
};
