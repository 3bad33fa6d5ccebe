import type { Migration } from './migration.ts';

/** By id alone: what was decided about a node holds before it comes and after it is gone. */
export const nodeAdmin: Migration = {
  id: 30,
  name: 'node-admin',
  sql: `
CREATE TABLE node_admin (
  node_id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  reason TEXT,
  since INTEGER
) STRICT, WITHOUT ROWID;
`,
};
