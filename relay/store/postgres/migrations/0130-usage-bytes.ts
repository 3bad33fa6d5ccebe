import type { Migration } from '../../migration.ts';

/** Names are in the order of their bytes again, as they were before there were hours. */
export const usageBytes: Migration = {
  id: 130,
  name: 'usage-bytes',
  sql: `
ALTER TABLE usage
  ALTER COLUMN api_key_id TYPE TEXT COLLATE "C",
  ALTER COLUMN model TYPE TEXT COLLATE "C",
  ALTER COLUMN node_id TYPE TEXT COLLATE "C";
`,
};
