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
import type { PostgresAccess } from './queries.ts';
import { INSERT_WEBHOOK } from './queued-job-store.ts';

const PUT =
  'INSERT INTO batches (id, api_key_id, state, ended_at, record) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) ' +
  'DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, record = excluded.record';
const FIND = 'SELECT record FROM batches WHERE id = $1';
const LIST =
  'SELECT record FROM batches WHERE ($1::text IS NULL OR api_key_id = $1) AND ($2::text IS NULL OR id < $2) ' +
  'ORDER BY id DESC LIMIT $3';
const FORGET = 'DELETE FROM batches WHERE id IN (SELECT id FROM batches WHERE ended_at < $1 LIMIT $2)';
/** One statement for as many lines as there are, which a line of the network carries once. */
const INSERT_LINES =
  'INSERT INTO batch_lines (batch, number, custom_id, at_byte, size_bytes) ' +
  'SELECT $1, * FROM unnest($2::integer[], $3::text[], $4::bigint[], $5::integer[])';
const DROP_LINES = 'DELETE FROM batch_lines WHERE batch = $1';
const LINES = `SELECT ${LINE_COLUMNS} FROM batch_lines WHERE batch = $1 AND number > $2`;
const OPEN_LINES = `${LINES} AND request_id IS NULL ORDER BY number LIMIT $3`;
const LIST_LINES = `${LINES} ORDER BY number LIMIT $3`;
const END_LINE =
  'UPDATE batch_lines SET job_id = $1, request_id = $2, problem = $3 ' +
  'WHERE batch = $4 AND number = $5 AND request_id IS NULL';
const LOSE_ANSWER =
  'UPDATE batch_lines SET problem = $1 WHERE batch = $2 AND number = $3 AND request_id IS NOT NULL AND problem IS NULL';

/** Batches and their lines, on PostgreSQL. */
export function createBatchStore(access: PostgresAccess): BatchStore {
  return {
    putBatch: (batch) => access.write(async (db) => void (await db.run(PUT, batchValues(batch)))),
    endBatch: (batch, word) =>
      access.write(async (db) => {
        await db.run(PUT, batchValues(batch));
        await db.run(DROP_LINES, [batch.id]);
        if (word === undefined) return;
        await db.run(INSERT_WEBHOOK, [batch.apiKeyId, word.url, word.secret, word.id, word.body, batch.endedAt ?? 0]);
      }),
    findBatch: async (id) => {
      const row = await access.read((db) => db.one<BatchRow>(FIND, [id]));
      return row && batchOf(row);
    },
    listBatches: async ({ apiKeyId, limit, after = null }) =>
      (await access.read((db) => db.all<BatchRow>(LIST, [apiKeyId, after, limit + 1]))).map(batchOf),
    listLiveBatches: async () => (await access.read((db) => db.all<BatchRow>(LIVE_BATCHES))).map(batchOf),
    forgetBatches: (before, limit) => access.write((db) => db.run(FORGET, [before, limit])),
    addLines: (batchId, lines) =>
      access.write(async (db) => {
        const rows = lines.map((line) => lineValues(batchId, line));
        const columns = [1, 2, 3, 4].map((at) => rows.map((row) => row[at]));
        await db.run(INSERT_LINES, [batchId, ...columns]);
      }),
    dropLines: (batchId) => access.write(async (db) => void (await db.run(DROP_LINES, [batchId]))),
    openLines: async (batchId, after, limit) =>
      (await access.read((db) => db.all<LineRow>(OPEN_LINES, [batchId, after, limit]))).map(openLineOf),
    listLines: async (batchId, after, limit) =>
      (await access.read((db) => db.all<LineRow>(LIST_LINES, [batchId, after, limit]))).map(lineOf),
    endLine: (batchId, end) => access.write(async (db) => void (await db.run(END_LINE, lineEndValues(batchId, end)))),
    loseAnswer: (batchId, number, problem) =>
      access.write(async (db) => void (await db.run(LOSE_ANSWER, [JSON.stringify(problem), batchId, number]))),
    countLines: (batchId) => access.read(async (db) => (await db.one(`${COUNT_LINES}$1`, [batchId])) as LineCounts),
    usageOf: (batchId) => access.read(async (db) => (await db.one(`${SUM_TOKENS}$1`, [batchId])) as BatchUsage),
  };
}
