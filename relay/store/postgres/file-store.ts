import type { FileRecord, FileStore, FileUsage } from '../file-store.ts';
import type { PostgresAccess } from './queries.ts';

const COLUMNS =
  'file_id AS "fileId", api_key_id AS "apiKeyId", sha256, size_bytes AS "sizeBytes", filename, ' +
  'media_type AS "mediaType", purpose, job_id AS "jobId", created_at AS "createdAt", expires_at AS "expiresAt"';
const ADD =
  'INSERT INTO files (file_id, api_key_id, sha256, size_bytes, filename, media_type, purpose, job_id, created_at, ' +
  'expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)';
const FIND = `SELECT ${COLUMNS} FROM files WHERE file_id = $1`;
const REMOVE =
  'WITH removed AS (DELETE FROM files WHERE file_id = $1 RETURNING sha256) SELECT EXISTS ' +
  '(SELECT 1 FROM files WHERE files.sha256 = removed.sha256 AND file_id <> $1) AS "isShared" FROM removed';
const PROLONG = 'UPDATE files SET expires_at = GREATEST(expires_at, $1) WHERE file_id = $2';
const EXPIRED = `SELECT ${COLUMNS} FROM files WHERE expires_at <= $1 ORDER BY expires_at, file_id LIMIT $2`;
const KEYS =
  'SELECT api_key_id AS "apiKeyId", count(*) AS files, sum(size_bytes) AS "sizeBytes" FROM files ' +
  'GROUP BY api_key_id ORDER BY api_key_id';
const CONTENTS = 'SELECT DISTINCT sha256, size_bytes AS "sizeBytes" FROM files ORDER BY sha256';

function list(order: 'ASC' | 'DESC'): string {
  return (
    `SELECT ${COLUMNS} FROM files WHERE api_key_id = $1 AND expires_at > $2 AND ($3::text IS NULL OR purpose = $3) ` +
    `AND ($4::text IS NULL OR file_id ${order === 'ASC' ? '>' : '<'} $4) ORDER BY file_id ${order} LIMIT $5`
  );
}

/** Files of clients and of jobs, on PostgreSQL. */
export function createFileStore(access: PostgresAccess): FileStore {
  return {
    addFile: (file) => access.write(async (db) => void (await db.run(ADD, fileValues(file)))),
    findFile: (fileId) => access.read((db) => db.one<FileRecord>(FIND, [fileId])),
    listFiles: ({ apiKeyId, now, limit, after = null, purpose = null, oldestFirst = false }) =>
      access.read((db) =>
        db.all<FileRecord>(list(oldestFirst ? 'ASC' : 'DESC'), [apiKeyId, now, purpose, after, limit + 1]),
      ),
    removeFile: (fileId) => access.write((db) => db.one<{ isShared: boolean }>(REMOVE, [fileId])),
    prolongFile: (fileId, expiresAt) => access.write(async (db) => (await db.run(PROLONG, [expiresAt, fileId])) === 1),
    listExpiredFiles: (now, limit) => access.read((db) => db.all<FileRecord>(EXPIRED, [now, limit])),
    fileUsage: () =>
      access.readTogether(async (db) => ({
        keys: await db.all<FileUsage['keys'][number]>(KEYS),
        contents: await db.all<FileUsage['contents'][number]>(CONTENTS),
      })),
  };
}

function fileValues(file: FileRecord): unknown[] {
  const { fileId, apiKeyId, sha256, sizeBytes, filename, mediaType, purpose, jobId, createdAt, expiresAt } = file;
  return [fileId, apiKeyId, sha256, sizeBytes, filename, mediaType, purpose, jobId, createdAt, expiresAt];
}
