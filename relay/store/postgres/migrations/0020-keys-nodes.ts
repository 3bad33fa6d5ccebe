import type { Migration } from '../../migration.ts';

/** `revoked_at` of a node outlives a later approval: tokens from before it stay void. `models` of a key is a JSON array. */
export const keysNodes: Migration = {
  id: 20,
  name: 'keys-nodes',
  sql: `
CREATE TABLE api_keys (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key_id TEXT NOT NULL UNIQUE,
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  last_used_at BIGINT,
  models TEXT,
  requests_per_minute BIGINT,
  tokens_per_minute BIGINT,
  credit_limit_micro BIGINT
);

CREATE TABLE nodes (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  node_id TEXT NOT NULL UNIQUE,
  public_key TEXT NOT NULL,
  name TEXT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  state TEXT NOT NULL DEFAULT 'active',
  trust TEXT NOT NULL DEFAULT 'local',
  labels TEXT NOT NULL DEFAULT '{}',
  paired_at BIGINT,
  last_seen_at BIGINT,
  revoked_at BIGINT
);

-- Apart from nodes: an epoch must not begin again when a node is forgotten and comes back.
CREATE TABLE node_epochs (
  node_id TEXT PRIMARY KEY,
  epoch BIGINT NOT NULL
);

-- By id alone: what was decided about a node holds before it comes and after it is gone.
CREATE TABLE node_admin (
  node_id TEXT COLLATE "C" PRIMARY KEY,
  state TEXT NOT NULL,
  reason TEXT,
  since BIGINT
);

CREATE TABLE pairing_codes (
  code_id TEXT COLLATE "C" PRIMARY KEY,
  secret TEXT NOT NULL,
  labels TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  used_by TEXT
);
`,
};
