import type { Database } from 'better-sqlite3';
import type { FileQuery, FileRecord, FileStore, FileUsage } from '../file-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

const COLUMNS =
  'file_id AS fileId, api_key_id AS apiKeyId, sha256, size_bytes AS sizeBytes, filename, media_type AS mediaType, ' +
  'purpose, job_id AS jobId, created_at AS createdAt, expires_at AS expiresAt';
const FITTING = 'api_key_id = @apiKeyId AND expires_at > @now AND (@purpose IS NULL OR purpose = @purpose)';

type ListParameters = Record<'apiKeyId' | 'after' | 'purpose', string | null> & Record<'now' | 'limit', number>;

/** Files of clients and of jobs, on SQLite. */
export function createFileStore(db: Database, access: SqliteAccess): FileStore {
  const add = db.prepare<[FileRecord]>(
    'INSERT INTO files (file_id, api_key_id, sha256, size_bytes, filename, media_type, purpose, job_id, created_at, expires_at) ' +
      'VALUES (@fileId, @apiKeyId, @sha256, @sizeBytes, @filename, @mediaType, @purpose, @jobId, @createdAt, @expiresAt)',
  );
  const find = db.prepare<[string], FileRecord>(`SELECT ${COLUMNS} FROM files WHERE file_id = ?`);
  const list = (order: 'ASC' | 'DESC') =>
    db.prepare<[ListParameters], FileRecord>(
      `SELECT ${COLUMNS} FROM files WHERE ${FITTING} AND ` +
        `(@after IS NULL OR file_id ${order === 'ASC' ? '>' : '<'} @after) ORDER BY file_id ${order} LIMIT @limit`,
    );
  const lists = { oldest: list('ASC'), newest: list('DESC') };
  const remove = db.prepare<[string]>('DELETE FROM files WHERE file_id = ?');
  const sharing = db.prepare<[string], { one: number }>('SELECT 1 AS one FROM files WHERE sha256 = ? LIMIT 1');
  const prolong = db.prepare<[number, string]>('UPDATE files SET expires_at = max(expires_at, ?) WHERE file_id = ?');
  const expired = db.prepare<[number, number], FileRecord>(
    `SELECT ${COLUMNS} FROM files WHERE expires_at <= ? ORDER BY expires_at, file_id LIMIT ?`,
  );
  const keys = db.prepare<[], FileUsage['keys'][number]>(
    'SELECT api_key_id AS apiKeyId, count(*) AS files, sum(size_bytes) AS sizeBytes FROM files GROUP BY api_key_id',
  );
  const contents = db.prepare<[], FileUsage['contents'][number]>(
    'SELECT DISTINCT sha256, size_bytes AS sizeBytes FROM files',
  );
  return {
    addFile: (record) => access.write(() => void add.run(record)),
    findFile: (fileId) => access.read(() => find.get(fileId)),
    listFiles: ({ apiKeyId, now, limit, after, purpose, oldestFirst = false }: FileQuery) => {
      const parameters = { apiKeyId, now, after: after ?? null, purpose: purpose ?? null, limit: limit + 1 };
      return access.read(() => lists[oldestFirst ? 'oldest' : 'newest'].all(parameters));
    },
    removeFile: (fileId) =>
      access.write(() => {
        const record = find.get(fileId);
        if (record === undefined) return undefined;
        remove.run(fileId);
        return { isShared: sharing.get(record.sha256) !== undefined };
      }),
    prolongFile: (fileId, expiresAt) => access.write(() => prolong.run(expiresAt, fileId).changes === 1),
    listExpiredFiles: (now, limit) => access.read(() => expired.all(now, limit)),
    fileUsage: () => access.read(() => ({ keys: keys.all(), contents: contents.all() })),
  };
}
