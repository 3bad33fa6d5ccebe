import type { Migration } from '../../migration.ts';

/**
 * Inputs and results stand in tables of their own, so that looking through jobs never reads past them. The row of a job
 * is changed as a whole, with its attempts and changes as JSON: they are few, and always read together.
 */
export const queuedJobs: Migration = {
  id: 40,
  name: 'queued-jobs',
  sql: `
CREATE TABLE queued_jobs (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  receipt_id TEXT NOT NULL,
  request_id TEXT NOT NULL,
  api_key_id TEXT COLLATE "C" NOT NULL,
  service TEXT NOT NULL,
  type TEXT NOT NULL,
  model TEXT NOT NULL,
  routing TEXT NOT NULL,
  priority BIGINT NOT NULL,
  deadline BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  max_wait_ms BIGINT,
  created_at BIGINT NOT NULL,
  idempotency_key TEXT,
  request_hash TEXT NOT NULL,
  input_bytes BIGINT NOT NULL,
  webhook TEXT NOT NULL,
  nonce TEXT,
  hold_micro BIGINT,
  state TEXT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT,
  attempts TEXT NOT NULL,
  changes TEXT NOT NULL
);
CREATE UNIQUE INDEX queued_jobs_by_idempotency_key ON queued_jobs (api_key_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX queued_jobs_live ON queued_jobs (id, api_key_id) WHERE finished_at IS NULL;
CREATE INDEX queued_jobs_ended ON queued_jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE job_inputs (
  job BIGINT PRIMARY KEY REFERENCES queued_jobs (seq) ON DELETE CASCADE,
  body TEXT NOT NULL
);
CREATE TABLE job_results (
  job BIGINT PRIMARY KEY REFERENCES queued_jobs (seq) ON DELETE CASCADE,
  body TEXT NOT NULL
);

CREATE TABLE webhook_deliveries (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  url TEXT NOT NULL,
  secret TEXT NOT NULL,
  event_id TEXT NOT NULL,
  body TEXT NOT NULL,
  tries BIGINT NOT NULL,
  next_at BIGINT NOT NULL
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at);

CREATE TABLE key_weights (
  api_key_id TEXT COLLATE "C" PRIMARY KEY,
  weight BIGINT NOT NULL
);
`,
};
