import type { Migration } from '../../migration.ts';

/** What a request made that came with an idempotency key; those for jobs stand with their jobs. */
export const requestMarks: Migration = {
  id: 200,
  name: 'request-marks',
  sql: `
CREATE TABLE request_marks (
  mark TEXT COLLATE "C" PRIMARY KEY,
  request_hash TEXT NOT NULL,
  made_id TEXT NOT NULL,
  marked_at BIGINT NOT NULL
);
CREATE INDEX request_marks_by_time ON request_marks (marked_at);
`,
};
