import type { Migration } from './migration.ts';

/** What the relay measured: an aid of its choices that may be lost, so that nothing refers to it. */
export const measurements: Migration = {
  id: 40,
  name: 'measurements',
  sql: `
CREATE TABLE node_reliability (
  node_id TEXT PRIMARY KEY,
  succeeded REAL NOT NULL,
  failed REAL NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX node_reliability_by_age ON node_reliability (at);

CREATE TABLE node_speeds (
  node_id TEXT NOT NULL,
  model TEXT NOT NULL,
  measures TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (node_id, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX node_speeds_by_age ON node_speeds (at);
`,
};
