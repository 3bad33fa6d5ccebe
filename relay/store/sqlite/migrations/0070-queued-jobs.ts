import type { Migration } from './migration.ts';

/**
 * Inputs and results stand in tables of their own, so that looking through jobs never reads past them. The row of a job
 * is changed as a whole, with its attempts and changes as JSON: they are few, and always read together.
 */
export const queuedJobs: Migration = {
  id: 70,
  name: 'queued-jobs',
  sql: `
CREATE TABLE queued_jobs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  receipt_id TEXT NOT NULL,
  request_id TEXT NOT NULL,
  api_key_id TEXT NOT NULL,
  service TEXT NOT NULL,
  type TEXT NOT NULL,
  model TEXT NOT NULL,
  routing TEXT NOT NULL,
  priority INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  max_wait_ms INTEGER,
  created_at INTEGER NOT NULL,
  idempotency_key TEXT,
  request_hash TEXT NOT NULL,
  input_bytes INTEGER NOT NULL,
  webhook TEXT NOT NULL,
  nonce TEXT,
  state TEXT NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  attempts TEXT NOT NULL,
  changes TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX queued_jobs_by_idempotency_key ON queued_jobs (api_key_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX queued_jobs_live ON queued_jobs (id, api_key_id) WHERE finished_at IS NULL;
CREATE INDEX queued_jobs_ended ON queued_jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE job_inputs (
  job INTEGER PRIMARY KEY REFERENCES queued_jobs (seq) ON DELETE CASCADE,
  body TEXT NOT NULL
) STRICT;
CREATE TABLE job_results (
  job INTEGER PRIMARY KEY REFERENCES queued_jobs (seq) ON DELETE CASCADE,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE webhook_deliveries (
  seq INTEGER PRIMARY KEY,
  url TEXT NOT NULL,
  secret TEXT NOT NULL,
  event_id TEXT NOT NULL,
  body TEXT NOT NULL,
  tries INTEGER NOT NULL,
  next_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at);

CREATE TABLE key_weights (
  api_key_id TEXT PRIMARY KEY,
  weight INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids begin with their time, so that this lists the newest jobs of a key.
CREATE INDEX jobs_of_key ON jobs (api_key_id, id);
`,
};
