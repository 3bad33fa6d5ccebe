import type { Migration } from './migration.ts';

/**
 * `seq` is SQLite's rowid: attempts and receipts point at it with two or three bytes instead of a 30-character id, they
 * land beside each other on the newest page, and lists in order of recording need no index of their own.
 * Counts are kept by trigger because counting a million rows takes longer than any page of the API may.
 */
export const jobsKeysNodes: Migration = {
  id: 10,
  name: 'jobs-keys-nodes',
  sql: `
CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  request_id TEXT NOT NULL,
  api_key_id TEXT NOT NULL,
  type TEXT NOT NULL,
  model TEXT NOT NULL,
  stream INTEGER NOT NULL,
  state TEXT NOT NULL,
  problem_code TEXT,
  problem_detail TEXT,
  problem_param TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  input_tokens INTEGER,
  output_tokens INTEGER
) STRICT;

CREATE TABLE attempts (
  job INTEGER NOT NULL REFERENCES jobs (seq),
  attempt INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  state TEXT NOT NULL,
  problem_code TEXT,
  problem_detail TEXT,
  problem_param TEXT,
  queued_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  first_token_at INTEGER,
  PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipts (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job INTEGER NOT NULL REFERENCES jobs (seq),
  body TEXT NOT NULL
) STRICT;
CREATE INDEX receipts_of_job ON receipts (job);

CREATE TABLE job_counts (
  state TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER count_new_job AFTER INSERT ON jobs BEGIN
  INSERT INTO job_counts (state, count) VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET count = count + 1;
END;

CREATE TABLE api_keys (
  seq INTEGER PRIMARY KEY,
  key_id TEXT NOT NULL UNIQUE,
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER
) STRICT;

CREATE TABLE nodes (
  seq INTEGER PRIMARY KEY,
  node_id TEXT NOT NULL UNIQUE,
  public_key TEXT NOT NULL,
  name TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL
) STRICT;

-- Apart from nodes: an epoch must not begin again when a node is forgotten and comes back.
CREATE TABLE node_epochs (
  node_id TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE write_probe (seq INTEGER PRIMARY KEY, filler BLOB NOT NULL) STRICT;
`,
};
