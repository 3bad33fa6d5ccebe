import type { Migration } from './migration.ts';

/**
 * Nodes known before pairing were let in by this machine or by the admin token, so they stay active.
 * `revoked_at` outlives a later approval: tokens from before it stay void.
 */
export const pairing: Migration = {
  id: 20,
  name: 'pairing',
  sql: `
ALTER TABLE nodes ADD COLUMN state TEXT NOT NULL DEFAULT 'active';
ALTER TABLE nodes ADD COLUMN trust TEXT NOT NULL DEFAULT 'local';
ALTER TABLE nodes ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
ALTER TABLE nodes ADD COLUMN paired_at INTEGER;
ALTER TABLE nodes ADD COLUMN last_seen_at INTEGER;
ALTER TABLE nodes ADD COLUMN revoked_at INTEGER;

CREATE TABLE pairing_codes (
  code_id TEXT PRIMARY KEY,
  secret TEXT NOT NULL,
  labels TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  used_by TEXT
) STRICT, WITHOUT ROWID;
`,
};
