import { hasEnded, type JobState } from '../../jobs/queue/job-state.ts';
import type { JobChange, JobListing, ListedJobs, QueuedJob, WebhookDelivery } from '../queued-job-store.ts';
import { JOB_COLUMNS, type JobRow } from '../rows/job-rows.ts';
import {
  type EndingRows,
  IS_LINE,
  idempotencyOf,
  LAST_ID,
  movedRow,
  OF_NO_LIVE_BATCH,
  pageOf,
  QUEUED_JOB_COLUMNS,
  type QueuedJobRow,
  type StepValues,
  statesOf,
  stepValues,
  toQueuedJob,
  wordOfEnding,
} from '../rows/queued-job-rows.ts';
import type { QueuedJobRoom } from '../store-rooms.ts';
import { insertJob } from './job-insert.ts';
import { type PostgresAccess, placesOf, type Queries } from './queries.ts';
import type { ReceiptReader } from './receipt-reader.ts';

const ACCEPT =
  `WITH accepted AS (INSERT INTO queued_jobs (${QUEUED_JOB_COLUMNS}) ` +
  `VALUES (${placesOf(QUEUED_JOB_COLUMNS)}) RETURNING seq) ` +
  `INSERT INTO job_inputs (job, body) SELECT seq, $${QUEUED_JOB_COLUMNS.split(', ').length + 1} FROM accepted`;
const SELECT = `SELECT seq, ${QUEUED_JOB_COLUMNS} FROM queued_jobs`;
const BY_ID = `${SELECT} WHERE id = $1`;
const BY_IDEMPOTENCY_KEY = `${SELECT} WHERE api_key_id = $1 AND idempotency_key = $2`;
const INPUT = 'SELECT body FROM job_inputs JOIN queued_jobs ON seq = job WHERE id = $1';
const RESULT = 'SELECT body FROM job_results JOIN queued_jobs ON seq = job WHERE id = $1';
const UPDATE =
  'UPDATE queued_jobs SET state = $1, started_at = coalesce(started_at, $2), finished_at = $3, attempts = $4, ' +
  'changes = $5 WHERE seq = $6';
const DELETE_INPUT = 'DELETE FROM job_inputs WHERE job = $1';
const INSERT_RESULT = 'INSERT INTO job_results (job, body) VALUES ($1, $2)';
const LIVE = `${SELECT} WHERE finished_at IS NULL ORDER BY seq`;
const OF_KEY = 'AND ($3::text IS NULL OR api_key_id = $3)';
const LIVE_PAGE =
  `${SELECT} WHERE finished_at IS NULL AND id < $1 ${OF_KEY} AND ($4::text[] IS NULL OR state = ANY($4)) ` +
  'ORDER BY id DESC LIMIT $2';
const ENDED_PAGE = `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < $1 ${OF_KEY} ORDER BY id DESC LIMIT $2`;
const SUCCEEDED = `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < $1 AND state = 'succeeded' ORDER BY id DESC LIMIT $2`;
// As its index says it, so that it is used.
const ENDED_IN_STATE =
  `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < $1 AND state = $3 AND state <> 'succeeded' ` +
  'ORDER BY id DESC LIMIT $2';
const ENDED_OF_KEY_IN_STATE = `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < $1 AND state = $3 AND api_key_id = $4 ORDER BY id DESC LIMIT $2`;
const LINE_JOBS = `SELECT id FROM queued_jobs WHERE id > $1 AND ${IS_LINE}`;
const FORGET = 'DELETE FROM queued_jobs WHERE id = $1 AND finished_at IS NOT NULL';
const FORGET_ENDED =
  'DELETE FROM queued_jobs WHERE seq IN ' +
  `(SELECT seq FROM queued_jobs WHERE finished_at < $1 AND ${OF_NO_LIVE_BATCH} LIMIT $2)`;
const DUE =
  'SELECT seq, api_key_id AS "apiKeyId", url, secret, event_id AS "eventId", body, tries, next_at AS "nextAt" ' +
  'FROM webhook_deliveries WHERE next_at <= $1 AND seq <> ALL($2::bigint[]) AND api_key_id <> ALL($3::text[]) ' +
  'ORDER BY next_at, seq LIMIT $4';
const NEXT_DUE = 'SELECT min(next_at) AS "nextAt" FROM webhook_deliveries WHERE next_at > $1';
const RECALL_WEBHOOKS = 'UPDATE webhook_deliveries SET next_at = $1 WHERE tries = $2 AND next_at > $3';
const DELETE_WEBHOOK = 'DELETE FROM webhook_deliveries WHERE seq = $1';
const DELAY_WEBHOOK = 'UPDATE webhook_deliveries SET next_at = $1, tries = tries + 1 WHERE seq = $2';
const PUT_WEIGHT =
  'INSERT INTO key_weights (api_key_id, weight) VALUES ($1, $2) ' +
  'ON CONFLICT (api_key_id) DO UPDATE SET weight = excluded.weight';
const WEIGHTS = 'SELECT api_key_id AS "apiKeyId", weight FROM key_weights ORDER BY api_key_id';

/** What a webhook is told; `credit-store.ts` tells of settlements in the same way. */
export const INSERT_WEBHOOK =
  'INSERT INTO webhook_deliveries (api_key_id, url, secret, event_id, body, tries, next_at) ' +
  'VALUES ($1, $2, $3, $4, $5, 0, $6)';

/** The queue on PostgreSQL. A job's state is read and changed within one write, so that of two ends one counts. */
export function createQueuedJobStore(access: PostgresAccess, receipts: Pick<ReceiptReader, 'judge'>): QueuedJobRoom {
  const find = (sql: string, values: unknown[]): Promise<QueuedJob | undefined> =>
    access.read((db) => findIn(db, sql, values));
  const body = (sql: string, id: string): Promise<string | undefined> =>
    access.read(async (db) => (await db.one<{ body: string }>(sql, [id]))?.body);
  return {
    insertJob: (values, input) => access.write((db) => insert(db, values, input)),
    findQueuedJob: (id) => find(BY_ID, [id]),
    findByIdempotencyKey: (apiKeyId, key) => find(BY_IDEMPOTENCY_KEY, [apiKeyId, key]),
    inputOf: (id) => body(INPUT, id),
    resultOf: (id) => body(RESULT, id),
    moveJob: (id, event, move) => access.write((db) => advance(db, id, stepValues(event, move))),
    endRows: (id, rows) => access.write((db) => end(db, id, rows, receipts)),
    listLiveJobs: () => access.read(async (db) => (await db.all<QueuedJobRow>(LIVE)).map(toQueuedJob)),
    listAllJobs: (page) => access.readTogether((db) => listPage(db, page)),
    listLineJobs: (behindId) =>
      access.read(async (db) => (await db.all<{ id: string }>(LINE_JOBS, [behindId])).map(({ id }) => id)),
    forgetJob: (id) => access.write(async (db) => (await db.run(FORGET, [id])) === 1),
    forgetEndedJobs: (before, limit) => access.write((db) => db.run(FORGET_ENDED, [before, limit])),
    dueWebhooks: (now, limit, { seqs, apiKeyIds }) =>
      access.readTogether(async (db) => ({
        due: await db.all<WebhookDelivery>(DUE, [now, seqs, apiKeyIds, limit]),
        nextAt: (await db.one<{ nextAt: number | null }>(NEXT_DUE, [now]))?.nextAt ?? null,
      })),
    recallWebhooks: (now, longestWaits) =>
      access.write(async (db) => {
        for (const [tries, wait] of longestWaits.entries()) await db.run(RECALL_WEBHOOKS, [now, tries, now + wait]);
      }),
    settleWebhook: (seq, nextAt) =>
      access.write(async (db) => {
        if (nextAt === null) await db.run(DELETE_WEBHOOK, [seq]);
        else await db.run(DELAY_WEBHOOK, [nextAt, seq]);
      }),
    putKeyWeight: (apiKeyId, weight) => access.write(async (db) => void (await db.run(PUT_WEIGHT, [apiKeyId, weight]))),
    listKeyWeights: () => access.read((db) => db.all<{ apiKeyId: string; weight: number }>(WEIGHTS)),
  };
}

async function findIn(db: Queries, sql: string, values: unknown[]): Promise<QueuedJob | undefined> {
  const row = await db.one<QueuedJobRow>(sql, values);
  return row && toQueuedJob(row);
}

async function insert(db: Queries, values: unknown[], input: string): Promise<QueuedJob | undefined> {
  const idempotency = idempotencyOf(values);
  const known = idempotency && (await findIn(db, BY_IDEMPOTENCY_KEY, idempotency));
  if (known === undefined) await db.run(ACCEPT, [...values, input]);
  return known;
}

async function advance(db: Queries, id: string, step: StepValues): Promise<JobChange | undefined> {
  const moved = movedRow(await db.one<QueuedJobRow>(BY_ID, [id]), [step]);
  if (moved !== undefined) await db.run(UPDATE, moved.values);
  return moved?.changes[0];
}

async function end(
  db: Queries,
  id: string,
  rows: EndingRows,
  receipts: Pick<ReceiptReader, 'judge'>,
): Promise<JobChange[] | undefined> {
  const row = await db.one<QueuedJobRow>(BY_ID, [id]);
  const moved = movedRow(row, rows.steps);
  if (row === undefined || moved === undefined || !hasEnded(moved.state)) return undefined;
  await db.run(UPDATE, moved.values);
  await insertJob(db, rows.record, receipts);
  await db.run(DELETE_INPUT, [row.seq]);
  if (rows.result !== null) await db.run(INSERT_RESULT, [row.seq, rows.result]);
  const word = wordOfEnding(row, rows);
  if (word !== undefined) await db.run(INSERT_WEBHOOK, word);
  return moved.changes;
}

async function listPage(db: Queries, page: JobListing): Promise<ListedJobs> {
  const { limit, before = LAST_ID, apiKeyId } = page;
  const { live, ended } = statesOf(page);
  const values = [before, limit + 1, apiKeyId];
  const rows = live?.length === 0 ? [] : await db.all<QueuedJobRow>(LIVE_PAGE, [...values, live]);
  if (ended === null) return pageOf(rows, await db.all<JobRow>(ENDED_PAGE, values), limit);
  return pageOf(rows, await listEnded(db, page, ended), limit);
}

/** State by state, by an index where it is not that of most jobs: a million that are not asked for cost nothing. */
async function listEnded(
  db: Queries,
  { limit, before = LAST_ID, apiKeyId }: JobListing,
  states: readonly JobState[],
): Promise<JobRow[]> {
  const rows: JobRow[] = [];
  for (const state of states) {
    const values = [before, limit + 1];
    if (apiKeyId !== null) rows.push(...(await db.all<JobRow>(ENDED_OF_KEY_IN_STATE, [...values, state, apiKeyId])));
    else if (state === 'succeeded') rows.push(...(await db.all<JobRow>(SUCCEEDED, values)));
    else rows.push(...(await db.all<JobRow>(ENDED_IN_STATE, [...values, state])));
  }
  return rows;
}
