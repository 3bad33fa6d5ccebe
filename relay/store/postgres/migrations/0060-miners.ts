import type { Migration } from '../../migration.ts';

/** Nodes that come over HTTP. Of their tokens the SHA-256 alone is kept; the terms are JSON. */
export const miners: Migration = {
  id: 60,
  name: 'miners',
  sql: `
CREATE TABLE miners (
  node_id TEXT COLLATE "C" PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  terms TEXT NOT NULL,
  issued_at BIGINT NOT NULL
);
`,
};
