import type { BatchStore } from '../batch-store.ts';
import { type BatchRow, batchOf, LIVE_BATCHES } from '../rows/batch-rows.ts';
import type { PostgresAccess } from './queries.ts';

const PUT =
  'INSERT INTO batches (id, api_key_id, state, record) VALUES ($1, $2, $3, $4) ' +
  'ON CONFLICT (id) DO UPDATE SET state = excluded.state, record = excluded.record';
const FIND = 'SELECT record FROM batches WHERE id = $1';
const LIST =
  'SELECT record FROM batches WHERE api_key_id = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3';

/** Batches, on PostgreSQL. */
export function createBatchStore(access: PostgresAccess): BatchStore {
  return {
    putBatch: (batch) =>
      access.write(
        async (db) => void (await db.run(PUT, [batch.id, batch.apiKeyId, batch.state, JSON.stringify(batch)])),
      ),
    findBatch: async (id) => {
      const row = await access.read((db) => db.one<BatchRow>(FIND, [id]));
      return row && batchOf(row);
    },
    listBatches: async ({ apiKeyId, limit, after = null }) =>
      (await access.read((db) => db.all<BatchRow>(LIST, [apiKeyId, after, limit + 1]))).map(batchOf),
    listLiveBatches: async () => (await access.read((db) => db.all<BatchRow>(LIVE_BATCHES))).map(batchOf),
  };
}
