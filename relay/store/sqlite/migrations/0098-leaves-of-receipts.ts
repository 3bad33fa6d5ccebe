import type { Migration } from './migration.ts';

/**
 * A receipt's row holds its place in the log and the hash of its leaf, and the tree keeps every fourth of its levels: of
 * four inserts a receipt three are saved. Receipts from before the log have no leaf.
 */
export const leavesOfReceipts: Migration = {
  id: 98,
  name: 'leaves-of-receipts',
  sql: `
ALTER TABLE receipts ADD COLUMN leaf INTEGER;
ALTER TABLE receipts ADD COLUMN leaf_hash BLOB;
UPDATE receipts SET (leaf, leaf_hash) = (
  SELECT log_leaves.leaf, hash FROM log_leaves LEFT JOIN log_nodes ON level = 0 AND place = log_leaves.leaf
  WHERE receipt = receipts.seq
);
CREATE UNIQUE INDEX receipts_by_leaf ON receipts (leaf);
DROP TABLE log_leaves;
DELETE FROM log_nodes WHERE level = 0 OR level % 4 <> 0;
`,
};
