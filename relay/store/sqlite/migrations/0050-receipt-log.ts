import type { Migration } from './migration.ts';

/**
 * The Merkle log over receipts (RFC 6962). Receipts from before it are in no leaf. Nodes are full subtrees and never
 * change.
 */
export const receiptLog: Migration = {
  id: 50,
  name: 'receipt-log',
  sql: `
CREATE TABLE log_leaves (
  leaf INTEGER PRIMARY KEY,
  receipt INTEGER NOT NULL UNIQUE REFERENCES receipts (seq)
) STRICT;

CREATE TABLE log_nodes (
  level INTEGER NOT NULL,
  place INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;
`,
};
