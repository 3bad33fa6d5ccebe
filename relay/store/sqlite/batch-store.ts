import type { Database } from 'better-sqlite3';
import type { BatchStore } from '../batch-store.ts';
import { type BatchRow, batchOf, LIVE_BATCHES } from '../rows/batch-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** Batches, on SQLite. */
export function createBatchStore(db: Database, access: SqliteAccess): BatchStore {
  const put = db.prepare<[string, string, string, string]>(
    'INSERT INTO batches (id, api_key_id, state, record) VALUES (?, ?, ?, ?) ' +
      'ON CONFLICT (id) DO UPDATE SET state = excluded.state, record = excluded.record',
  );
  const find = db.prepare<[string], BatchRow>('SELECT record FROM batches WHERE id = ?');
  const list = db.prepare<[Record<string, unknown>], BatchRow>(
    'SELECT record FROM batches WHERE api_key_id = @apiKeyId AND (@after IS NULL OR id < @after) ' +
      'ORDER BY id DESC LIMIT @limit',
  );
  const live = db.prepare<[], BatchRow>(LIVE_BATCHES);
  return {
    putBatch: (batch) => access.write(() => void put.run(batch.id, batch.apiKeyId, batch.state, JSON.stringify(batch))),
    findBatch: (id) =>
      access.read(() => {
        const row = find.get(id);
        return row && batchOf(row);
      }),
    listBatches: ({ apiKeyId, limit, after = null }) =>
      access.read(() => list.all({ apiKeyId, after, limit: limit + 1 }).map(batchOf)),
    listLiveBatches: () => access.read(() => live.all().map(batchOf)),
  };
}
