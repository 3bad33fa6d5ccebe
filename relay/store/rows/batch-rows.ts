import type { ProblemRecord } from '../../../shared/problems/problem-record.ts';
import type { BatchLine, BatchLineEnd, BatchLineNow, BatchRecord } from '../batch-store.ts';

/** The condition is that of the index. */
export const LIVE_BATCHES =
  "SELECT record FROM batches WHERE state IN ('validating', 'in_progress', 'finalizing', 'cancelling') ORDER BY id";

export const LINE_COLUMNS = 'number, custom_id, at_byte, size_bytes, job_id, request_id, problem';

export type BatchRow = { record: string };

export type LineRow = {
  number: number;
  /** JSON, which holds every text that JSON does; a database's own type of text may not. */
  custom_id: string;
  at_byte: number;
  size_bytes: number;
  job_id: string | null;
  /** Null while the line has no end. */
  request_id: string | null;
  /** JSON. */
  problem: string | null;
};

export type LineCounts = { completed: number; failed: number; open: number };

/** Of the lines of one batch; `total`s of bigint and null are the databases' own business. */
export const COUNT_LINES =
  'SELECT count(CASE WHEN request_id IS NOT NULL AND problem IS NULL THEN 1 END) AS completed, ' +
  'count(problem) AS failed, count(CASE WHEN request_id IS NULL THEN 1 END) AS open FROM batch_lines WHERE batch = ';

/** Of one batch. */
export const SUM_TOKENS =
  'SELECT coalesce(sum(jobs.input_tokens), 0) AS "inputTokens", coalesce(sum(jobs.output_tokens), 0) AS "outputTokens" ' +
  'FROM batch_lines JOIN jobs ON jobs.id = batch_lines.job_id WHERE batch_lines.batch = ';

/** What batches had not at first. */
const SINCE_THEN = { model: null, usage: null, filesLifetimeMs: null };

export function batchOf({ record }: BatchRow): BatchRecord {
  return { ...SINCE_THEN, ...(JSON.parse(record) as BatchRecord) };
}

/** Id, key, state, end and record. */
export function batchValues(batch: BatchRecord): [string, string, string, number | null, string] {
  return [batch.id, batch.apiKeyId, batch.state, batch.endedAt, JSON.stringify(batch)];
}

export function lineValues(
  batchId: string,
  { number, customId, atByte, sizeBytes }: BatchLine,
): [string, number, string, number, number] {
  return [batchId, number, JSON.stringify(customId), atByte, sizeBytes];
}

export function lineEndValues(
  batchId: string,
  { number, jobId, requestId, problem }: BatchLineEnd,
): [string | null, string, string | null, string, number] {
  return [jobId, requestId, problem === null ? null : JSON.stringify(problem), batchId, number];
}

export function lineOf({ number, custom_id, at_byte, size_bytes, ...row }: LineRow): BatchLineNow {
  const { job_id: jobId, request_id: requestId, problem: text } = row;
  const problem = text === null ? null : (JSON.parse(text) as ProblemRecord);
  return {
    number,
    customId: JSON.parse(custom_id) as string,
    atByte: at_byte,
    sizeBytes: size_bytes,
    end: requestId === null ? null : { number, jobId, requestId, problem },
  };
}

export function openLineOf(row: LineRow): BatchLine {
  const { end: _, ...line } = lineOf(row);
  return line;
}
