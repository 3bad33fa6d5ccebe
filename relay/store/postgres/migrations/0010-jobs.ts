import type { Migration } from '../../migration.ts';

/**
 * Ids are compared byte by byte (`COLLATE "C"`), whatever the language of the database. Counts are kept by trigger,
 * because counting a million rows takes longer than any page of the API may. Receipts and their log refuse to be changed.
 */
export const jobs: Migration = {
  id: 10,
  name: 'jobs',
  sql: `
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% are never changed or deleted', TG_ARGV[0];
END $$;

CREATE TABLE jobs (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  request_id TEXT NOT NULL,
  api_key_id TEXT COLLATE "C" NOT NULL,
  type TEXT NOT NULL,
  model TEXT NOT NULL,
  stream INTEGER NOT NULL,
  state TEXT NOT NULL,
  problem_code TEXT,
  problem_detail TEXT,
  problem_param TEXT,
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT NOT NULL,
  input_tokens BIGINT,
  output_tokens BIGINT
);
-- Ids begin with their time, so that this lists the newest jobs of a key.
CREATE INDEX jobs_of_key ON jobs (api_key_id, id);

CREATE TABLE attempts (
  job BIGINT NOT NULL REFERENCES jobs (seq),
  attempt BIGINT NOT NULL,
  node_id TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  state TEXT NOT NULL,
  problem_code TEXT,
  problem_detail TEXT,
  problem_param TEXT,
  queued_at BIGINT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT NOT NULL,
  first_token_at BIGINT,
  PRIMARY KEY (job, attempt)
);

CREATE TABLE job_counts (
  state TEXT PRIMARY KEY,
  count BIGINT NOT NULL
);
CREATE FUNCTION count_new_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO job_counts AS c (state, count) VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET count = c.count + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER count_new_job AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION count_new_job();

-- Days since 1970 in UTC; node_id is where the last attempt ran, empty when there was none.
CREATE TABLE usage (
  day BIGINT NOT NULL,
  api_key_id TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  node_id TEXT COLLATE "C" NOT NULL,
  jobs BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  input_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  PRIMARY KEY (day, api_key_id, model, node_id)
);

CREATE TABLE receipts (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job BIGINT NOT NULL REFERENCES jobs (seq),
  body TEXT NOT NULL
);
CREATE INDEX receipts_of_job ON receipts (job);

-- The Merkle log over receipts (RFC 6962). Nodes are full subtrees.
CREATE TABLE log_leaves (
  leaf BIGINT PRIMARY KEY,
  receipt BIGINT NOT NULL UNIQUE REFERENCES receipts (seq)
);
CREATE TABLE log_nodes (
  level INTEGER NOT NULL,
  place BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (level, place)
);

CREATE TRIGGER receipts_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('receipts');
CREATE TRIGGER log_leaves_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON log_leaves
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('leaves of the receipt log');
CREATE TRIGGER log_nodes_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON log_nodes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('nodes of the receipt log');

CREATE TABLE write_probe (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, filler TEXT NOT NULL);
`,
};
