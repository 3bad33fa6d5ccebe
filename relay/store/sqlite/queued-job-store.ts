import type { Database } from 'better-sqlite3';
import { hasEnded, type JobState } from '../../jobs/queue/job-state.ts';
import type { JobChange, JobListing, ListedJobs, QueuedJob, WebhookDelivery } from '../queued-job-store.ts';
import { JOB_COLUMNS, type JobRow } from '../rows/job-rows.ts';
import {
  type EndingRows,
  IS_LINE,
  idempotencyOf,
  LAST_ID,
  type MovedValues,
  movedRow,
  OF_NO_LIVE_BATCH,
  pageOf,
  QUEUED_JOB_COLUMNS,
  type QueuedJobRow,
  type StepValues,
  statesOf,
  stepValues,
  toQueuedJob,
  type WebhookValues,
  wordOfEnding,
} from '../rows/queued-job-rows.ts';
import type { QueuedJobRoom } from '../store-rooms.ts';
import type { JobInsert } from './job-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** The queue on SQLite. A job's state is read and changed within one write, so that of two ends one counts. */
export function createQueuedJobStore(db: Database, access: SqliteAccess, insertRecord: JobInsert): QueuedJobRoom {
  const statements = { ...prepareStatements(db), insertRecord };
  const found = (row: QueuedJobRow | undefined): QueuedJob | undefined => (row === undefined ? row : toQueuedJob(row));
  return {
    insertJob: (values, input) => access.write(() => insert(statements, values, input)),
    findQueuedJob: (id) => access.read(() => found(statements.byId.get(id))),
    findByIdempotencyKey: (apiKeyId, key) => access.read(() => found(statements.byIdempotencyKey.get(apiKeyId, key))),
    inputOf: (id) => access.read(() => statements.input.get(id)),
    resultOf: (id) => access.read(() => statements.result.get(id)),
    moveJob: (id, event, move) => access.write(() => advance(statements, id, stepValues(event, move))),
    endRows: (id, rows) => access.write(() => end(statements, id, rows)),
    listLiveJobs: () => access.read(() => statements.live.all().map(toQueuedJob)),
    listAllJobs: (page) => access.read(() => listPage(statements, page)),
    listLineJobs: (behindId) => access.read(() => statements.lineJobs.all(behindId)),
    forgetJob: (id) => access.write(() => statements.forget.run(id).changes === 1),
    forgetEndedJobs: (before, limit) => access.write(() => statements.forgetEnded.run(before, limit).changes),
    dueWebhooks: (now, limit, { seqs, apiKeyIds }) =>
      access.read(() => ({
        due: statements.dueWebhooks.all(now, JSON.stringify(seqs), JSON.stringify(apiKeyIds), limit),
        nextAt: statements.nextWebhook.get(now) ?? null,
      })),
    recallWebhooks: (now, longestWaits) =>
      access.write(() => {
        for (const [tries, wait] of longestWaits.entries()) statements.recallWebhooks.run(now, tries, now + wait);
      }),
    settleWebhook: (seq, nextAt) =>
      access.write(() => {
        if (nextAt === null) statements.deleteWebhook.run(seq);
        else statements.delayWebhook.run(nextAt, seq);
      }),
    putKeyWeight: (apiKeyId, weight) => access.write(() => void statements.putWeight.run(apiKeyId, weight)),
    listKeyWeights: () => access.read(() => statements.weights.all()),
  };
}

type Statements = ReturnType<typeof prepareStatements> & { insertRecord: JobInsert };

/** States as JSON, twice; null for any. */
type Wanted = [string | null, string | null];

function prepareStatements(db: Database) {
  const select = `SELECT seq, ${QUEUED_JOB_COLUMNS} FROM queued_jobs`;
  const bodyOf = (table: string) =>
    db.prepare<[string], string>(`SELECT body FROM ${table} JOIN queued_jobs ON seq = job WHERE id = ?`).pluck();
  const newest = 'ORDER BY id DESC LIMIT ?';
  const inState = 'AND (? IS NULL OR state IN (SELECT value FROM json_each(?)))';
  return {
    insert: db.prepare<unknown[]>(
      `INSERT INTO queued_jobs (${QUEUED_JOB_COLUMNS}) VALUES (${QUEUED_JOB_COLUMNS.replaceAll(/\w+/g, '?')})`,
    ),
    insertInput: db.prepare<[number | bigint, string]>('INSERT INTO job_inputs (job, body) VALUES (?, ?)'),
    insertResult: db.prepare<[number, string]>('INSERT INTO job_results (job, body) VALUES (?, ?)'),
    deleteInput: db.prepare<[number]>('DELETE FROM job_inputs WHERE job = ?'),
    byId: db.prepare<[string], QueuedJobRow>(`${select} WHERE id = ?`),
    byIdempotencyKey: db.prepare<[string, string], QueuedJobRow>(
      `${select} WHERE api_key_id = ? AND idempotency_key = ?`,
    ),
    input: bodyOf('job_inputs'),
    result: bodyOf('job_results'),
    update: db.prepare<MovedValues>(
      'UPDATE queued_jobs SET state = ?, started_at = coalesce(started_at, ?), finished_at = ?, attempts = ?, ' +
        'changes = ? WHERE seq = ?',
    ),
    live: db.prepare<[], QueuedJobRow>(`${select} WHERE finished_at IS NULL ORDER BY seq`),
    liveOfAny: db.prepare<[string, ...Wanted, number], QueuedJobRow>(
      `${select} WHERE finished_at IS NULL AND id < ? ${inState} ${newest}`,
    ),
    liveOfKey: db.prepare<[string, string, ...Wanted, number], QueuedJobRow>(
      `${select} WHERE finished_at IS NULL AND id < ? AND api_key_id = ? ${inState} ${newest}`,
    ),
    endedOfAny: db.prepare<[string, number], JobRow>(`SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < ? ${newest}`),
    endedOfKey: db.prepare<[string, string, number], JobRow>(
      `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < ? AND api_key_id = ? ${newest}`,
    ),
    endedInState: db.prepare<[string, JobState, number], JobRow>(
      // As its index says it, so that it is used.
      `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < ? AND state = ? AND state <> 'succeeded' ${newest}`,
    ),
    succeeded: db.prepare<[string, number], JobRow>(
      `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < ? AND state = 'succeeded' ${newest}`,
    ),
    endedOfKeyInState: db.prepare<[string, string, JobState, number], JobRow>(
      `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < ? AND api_key_id = ? AND state = ? ${newest}`,
    ),
    lineJobs: db.prepare<[string], string>(`SELECT id FROM queued_jobs WHERE id > ? AND ${IS_LINE}`).pluck(),
    forget: db.prepare<[string]>('DELETE FROM queued_jobs WHERE id = ? AND finished_at IS NOT NULL'),
    forgetEnded: db.prepare<[number, number]>(
      `DELETE FROM queued_jobs WHERE seq IN (SELECT seq FROM queued_jobs WHERE finished_at < ? AND ${OF_NO_LIVE_BATCH} LIMIT ?)`,
    ),
    insertWebhook: db.prepare<WebhookValues>(
      'INSERT INTO webhook_deliveries (api_key_id, url, secret, event_id, body, tries, next_at) ' +
        'VALUES (?, ?, ?, ?, ?, 0, ?)',
    ),
    dueWebhooks: db.prepare<[number, string, string, number], WebhookDelivery>(
      'SELECT seq, api_key_id AS apiKeyId, url, secret, event_id AS eventId, body, tries, next_at AS nextAt ' +
        'FROM webhook_deliveries WHERE next_at <= ? AND seq NOT IN (SELECT value FROM json_each(?)) ' +
        'AND api_key_id NOT IN (SELECT value FROM json_each(?)) ORDER BY next_at, seq LIMIT ?',
    ),
    nextWebhook: db.prepare<[number], number>('SELECT min(next_at) FROM webhook_deliveries WHERE next_at > ?').pluck(),
    recallWebhooks: db.prepare<[number, number, number]>(
      'UPDATE webhook_deliveries SET next_at = ? WHERE tries = ? AND next_at > ?',
    ),
    deleteWebhook: db.prepare<[number]>('DELETE FROM webhook_deliveries WHERE seq = ?'),
    delayWebhook: db.prepare<[number, number]>(
      'UPDATE webhook_deliveries SET next_at = ?, tries = tries + 1 WHERE seq = ?',
    ),
    putWeight: db.prepare<[string, number]>(
      'INSERT INTO key_weights (api_key_id, weight) VALUES (?, ?) ' +
        'ON CONFLICT (api_key_id) DO UPDATE SET weight = excluded.weight',
    ),
    weights: db.prepare<[], { apiKeyId: string; weight: number }>(
      'SELECT api_key_id AS apiKeyId, weight FROM key_weights ORDER BY api_key_id',
    ),
  };
}

function insert(statements: Statements, values: unknown[], input: string): QueuedJob | undefined {
  const idempotency = idempotencyOf(values);
  const known = idempotency === undefined ? undefined : statements.byIdempotencyKey.get(...idempotency);
  if (known !== undefined) return toQueuedJob(known);
  const { lastInsertRowid } = statements.insert.run(values);
  statements.insertInput.run(lastInsertRowid, input);
  return undefined;
}

function advance({ byId, update }: Statements, id: string, step: StepValues): JobChange | undefined {
  const moved = movedRow(byId.get(id), [step]);
  if (moved !== undefined) update.run(...moved.values);
  return moved?.changes[0];
}

function end(statements: Statements, id: string, rows: EndingRows): JobChange[] | undefined {
  const row = statements.byId.get(id);
  const moved = movedRow(row, rows.steps);
  if (row === undefined || moved === undefined || !hasEnded(moved.state)) return undefined;
  statements.update.run(...moved.values);
  statements.insertRecord(rows.record);
  statements.deleteInput.run(row.seq);
  if (rows.result !== null) statements.insertResult.run(row.seq, rows.result);
  const word = wordOfEnding(row, rows);
  if (word !== undefined) statements.insertWebhook.run(...word);
  return moved.changes;
}

function listPage(statements: Statements, page: JobListing): ListedJobs {
  const { live, ended } = statesOf(page);
  return pageOf(listLive(statements, page, live), listEnded(statements, page, ended), page.limit);
}

/** The queue is bounded: those in other states are passed over. */
function listLive(
  { liveOfAny, liveOfKey }: Statements,
  { limit, before = LAST_ID, apiKeyId }: JobListing,
  states: readonly JobState[] | null,
): QueuedJobRow[] {
  if (states?.length === 0) return [];
  const wanted = states === null ? null : JSON.stringify(states);
  if (apiKeyId === null) return liveOfAny.all(before, wanted, wanted, limit + 1);
  return liveOfKey.all(before, apiKeyId, wanted, wanted, limit + 1);
}

/** State by state, by an index where it is not that of most jobs: a million that are not asked for cost nothing. */
function listEnded(
  { endedOfAny, endedOfKey, endedInState, endedOfKeyInState, succeeded }: Statements,
  { limit, before = LAST_ID, apiKeyId }: JobListing,
  states: readonly JobState[] | null,
): JobRow[] {
  const most = limit + 1;
  if (states !== null) {
    return states.flatMap((state) => {
      if (apiKeyId !== null) return endedOfKeyInState.all(before, apiKeyId, state, most);
      return state === 'succeeded' ? succeeded.all(before, most) : endedInState.all(before, state, most);
    });
  }
  return apiKeyId === null ? endedOfAny.all(before, most) : endedOfKey.all(before, apiKeyId, most);
}
