import type { Database } from 'better-sqlite3';
import type { BatchStore, BatchUsage } from '../batch-store.ts';
import {
  type BatchRow,
  batchOf,
  batchValues,
  COUNT_LINES,
  LINE_COLUMNS,
  LIVE_BATCHES,
  type LineCounts,
  type LineRow,
  lineEndValues,
  lineOf,
  lineValues,
  openLineOf,
  SUM_TOKENS,
} from '../rows/batch-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** Batches and their lines, on SQLite. */
export function createBatchStore(db: Database, access: SqliteAccess): BatchStore {
  const statements = prepareStatements(db);
  const { put, find, list, live, forget } = statements;
  const { insertLine, dropLines, openLines, listLines, endLine, loseAnswer, countLines, usageOf, insertWebhook } =
    statements;
  return {
    putBatch: (batch) => access.write(() => void put.run(...batchValues(batch))),
    endBatch: (batch, word) =>
      access.write(() => {
        put.run(...batchValues(batch));
        dropLines.run(batch.id);
        if (word === undefined) return;
        insertWebhook.run(batch.apiKeyId, word.url, word.secret, word.id, word.body, batch.endedAt ?? 0);
      }),
    findBatch: (id) =>
      access.read(() => {
        const row = find.get(id);
        return row && batchOf(row);
      }),
    listBatches: ({ apiKeyId, limit, after = null }) =>
      access.read(() => list.all({ apiKeyId, after, limit: limit + 1 }).map(batchOf)),
    listLiveBatches: () => access.read(() => live.all().map(batchOf)),
    forgetBatches: (before, limit) => access.write(() => forget.run(before, limit).changes),
    addLines: (batchId, lines) =>
      access.write(() => {
        for (const line of lines) insertLine.run(...lineValues(batchId, line));
      }),
    dropLines: (batchId) => access.write(() => void dropLines.run(batchId)),
    openLines: (batchId, after, limit) => access.read(() => openLines.all(batchId, after, limit).map(openLineOf)),
    listLines: (batchId, after, limit) => access.read(() => listLines.all(batchId, after, limit).map(lineOf)),
    endLine: (batchId, end) => access.write(() => void endLine.run(...lineEndValues(batchId, end))),
    loseAnswer: (batchId, number, problem) =>
      access.write(() => void loseAnswer.run(JSON.stringify(problem), batchId, number)),
    countLines: (batchId) => access.read(() => countLines.get(batchId) as LineCounts),
    usageOf: (batchId) => access.read(() => usageOf.get(batchId) as BatchUsage),
  };
}

function prepareStatements(db: Database) {
  const lines = `SELECT ${LINE_COLUMNS} FROM batch_lines WHERE batch = ? AND number > ?`;
  return {
    put: db.prepare<[string, string, string, number | null, string]>(
      'INSERT INTO batches (id, api_key_id, state, ended_at, record) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) ' +
        'DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, record = excluded.record',
    ),
    find: db.prepare<[string], BatchRow>('SELECT record FROM batches WHERE id = ?'),
    list: db.prepare<[Record<string, unknown>], BatchRow>(
      'SELECT record FROM batches WHERE (@apiKeyId IS NULL OR api_key_id = @apiKeyId) ' +
        'AND (@after IS NULL OR id < @after) ORDER BY id DESC LIMIT @limit',
    ),
    live: db.prepare<[], BatchRow>(LIVE_BATCHES),
    forget: db.prepare<[number, number]>(
      'DELETE FROM batches WHERE id IN (SELECT id FROM batches WHERE ended_at < ? LIMIT ?)',
    ),
    insertLine: db.prepare<[string, number, string, number, number]>(
      'INSERT INTO batch_lines (batch, number, custom_id, at_byte, size_bytes) VALUES (?, ?, ?, ?, ?)',
    ),
    dropLines: db.prepare<[string]>('DELETE FROM batch_lines WHERE batch = ?'),
    openLines: db.prepare<[string, number, number], LineRow>(`${lines} AND request_id IS NULL ORDER BY number LIMIT ?`),
    listLines: db.prepare<[string, number, number], LineRow>(`${lines} ORDER BY number LIMIT ?`),
    endLine: db.prepare<[string | null, string, string | null, string, number]>(
      'UPDATE batch_lines SET job_id = ?, request_id = ?, problem = ? ' +
        'WHERE batch = ? AND number = ? AND request_id IS NULL',
    ),
    loseAnswer: db.prepare<[string, string, number]>(
      'UPDATE batch_lines SET problem = ? WHERE batch = ? AND number = ? AND request_id IS NOT NULL AND problem IS NULL',
    ),
    countLines: db.prepare<[string], LineCounts>(`${COUNT_LINES}?`),
    usageOf: db.prepare<[string], BatchUsage>(`${SUM_TOKENS}?`),
    insertWebhook: db.prepare<[string, string, string, string, string, number]>(
      'INSERT INTO webhook_deliveries (api_key_id, url, secret, event_id, body, tries, next_at) ' +
        'VALUES (?, ?, ?, ?, ?, 0, ?)',
    ),
  };
}
