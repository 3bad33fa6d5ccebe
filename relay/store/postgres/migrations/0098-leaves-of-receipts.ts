import type { Migration } from '../../migration.ts';

/** As on SQLite: a receipt's row holds its place in the log and the hash of its leaf; the tree keeps every fourth level. */
export const leavesOfReceipts: Migration = {
  id: 98,
  name: 'leaves-of-receipts',
  sql: `
ALTER TABLE receipts ADD COLUMN leaf BIGINT, ADD COLUMN leaf_hash BYTEA;
ALTER TABLE receipts DISABLE TRIGGER receipts_are_final;
UPDATE receipts SET leaf = log_leaves.leaf, leaf_hash = hash
FROM log_leaves LEFT JOIN log_nodes ON level = 0 AND place = log_leaves.leaf WHERE receipt = receipts.seq;
ALTER TABLE receipts ENABLE TRIGGER receipts_are_final;
CREATE UNIQUE INDEX receipts_by_leaf ON receipts (leaf);
DROP TABLE log_leaves;
ALTER TABLE log_nodes DISABLE TRIGGER log_nodes_are_final;
DELETE FROM log_nodes WHERE level = 0 OR level % 4 <> 0;
ALTER TABLE log_nodes ENABLE TRIGGER log_nodes_are_final;
`,
};
