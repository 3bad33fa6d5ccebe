import type { Migration } from './migration.ts';

/** Services that operators added over the API; the definition is JSON, checked again whenever it is read. */
export const services: Migration = {
  id: 80,
  name: 'services',
  sql: `
CREATE TABLE services (
  service_id TEXT PRIMARY KEY,
  definition TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
};
