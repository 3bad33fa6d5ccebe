import type { Migration } from './migration.ts';

/** Batches of requests; the work itself stands among the queued jobs. */
export const batches: Migration = {
  id: 160,
  name: 'batches',
  sql: `
CREATE TABLE batches (
  id TEXT PRIMARY KEY,
  api_key_id TEXT NOT NULL,
  state TEXT NOT NULL,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_of_key ON batches (api_key_id, id);
CREATE INDEX batches_live ON batches (id) WHERE state IN ('validating', 'in_progress', 'finalizing', 'cancelling');
`,
};
