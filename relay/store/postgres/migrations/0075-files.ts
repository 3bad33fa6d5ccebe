import type { Migration } from '../../migration.ts';

/** Files of clients and of jobs. Content lies in the data folder under its digest; rows with one digest share it. */
export const files: Migration = {
  id: 75,
  name: 'files',
  sql: `
CREATE TABLE files (
  file_id TEXT COLLATE "C" PRIMARY KEY,
  api_key_id TEXT COLLATE "C" NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  size_bytes BIGINT NOT NULL,
  filename TEXT NOT NULL,
  media_type TEXT NOT NULL,
  purpose TEXT NOT NULL,
  job_id TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX files_of_key ON files (api_key_id, file_id);
CREATE INDEX files_by_content ON files (sha256, size_bytes);
CREATE INDEX files_by_expiry ON files (expires_at);
`,
};
