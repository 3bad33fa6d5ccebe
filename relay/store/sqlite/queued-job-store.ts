import type { Database } from 'better-sqlite3';
import type { EndEvent, JobEvent, JobState } from '../../jobs/queue/job-state.ts';
import type {
  JobChange,
  JobEnding,
  JobMove,
  ListedJobs,
  QueuedJob,
  QueuedJobStore,
  QueuedOrder,
  WebhookDelivery,
} from '../queued-job-store.ts';
import { JOB_COLUMNS, type JobRow, rowsOf } from '../rows/job-rows.ts';
import {
  acceptedJob,
  LAST_ID,
  type MovedValues,
  movedRow,
  moveOfEnding,
  pageOf,
  QUEUED_JOB_COLUMNS,
  type QueuedJobRow,
  queuedJobValues,
  toQueuedJob,
  type WebhookValues,
  wordOfEnding,
} from '../rows/queued-job-rows.ts';
import type { JobInsert } from './job-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** The queue on SQLite. A job's state is read and changed within one write, so that of two ends one counts. */
export function createQueuedJobStore(db: Database, access: SqliteAccess, insertRecord: JobInsert): QueuedJobStore {
  const statements = { ...prepareStatements(db), insertRecord };
  const found = (row: QueuedJobRow | undefined): QueuedJob | undefined => (row === undefined ? row : toQueuedJob(row));
  return {
    acceptJob: (order, input, state) => access.write(() => accept(statements, order, input, state)),
    findQueuedJob: (id) => access.read(() => found(statements.byId.get(id))),
    findByIdempotencyKey: (apiKeyId, key) => access.read(() => found(statements.byIdempotencyKey.get(apiKeyId, key))),
    inputOf: (id) => access.read(() => statements.input.get(id)),
    resultOf: (id) => access.read(() => statements.result.get(id)),
    moveJob: (id, event, move) => access.write(() => advance(statements, statements.byId.get(id), event, move)),
    endJob: (id, event, ending) => access.write(() => end(statements, id, event, ending)),
    listLiveJobs: () => access.read(() => statements.live.all().map(toQueuedJob)),
    listAllJobs: (page) => access.read(() => listPage(statements, page)),
    listJobsIn: (state, { limit, before = LAST_ID }) =>
      access.read(() => pageOf(statements.liveInState.all(state, before, limit + 1), [], limit)),
    forgetJob: (id) => access.write(() => statements.forget.run(id).changes === 1),
    forgetEndedJobs: (before, limit) => access.write(() => statements.forgetEnded.run(before, limit).changes),
    dueWebhooks: (now, limit) =>
      access.read(() => ({
        due: statements.dueWebhooks.all(now, limit),
        nextAt: statements.nextWebhook.get(now) ?? null,
      })),
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

function prepareStatements(db: Database) {
  const select = `SELECT seq, ${QUEUED_JOB_COLUMNS} FROM queued_jobs`;
  const bodyOf = (table: string) =>
    db.prepare<[string], string>(`SELECT body FROM ${table} JOIN queued_jobs ON seq = job WHERE id = ?`).pluck();
  const newest = 'ORDER BY id DESC LIMIT ?';
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
    liveOfAny: db.prepare<[string, number], QueuedJobRow>(`${select} WHERE finished_at IS NULL AND id < ? ${newest}`),
    liveInState: db.prepare<[JobState, string, number], QueuedJobRow>(
      `${select} WHERE finished_at IS NULL AND state = ? AND id < ? ${newest}`,
    ),
    liveOfKey: db.prepare<[string, string, number], QueuedJobRow>(
      `${select} WHERE finished_at IS NULL AND id < ? AND api_key_id = ? ${newest}`,
    ),
    endedOfAny: db.prepare<[string, number], JobRow>(`SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < ? ${newest}`),
    endedOfKey: db.prepare<[string, string, number], JobRow>(
      `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id < ? AND api_key_id = ? ${newest}`,
    ),
    forget: db.prepare<[string]>('DELETE FROM queued_jobs WHERE id = ? AND finished_at IS NOT NULL'),
    forgetEnded: db.prepare<[number, number]>(
      'DELETE FROM queued_jobs WHERE seq IN (SELECT seq FROM queued_jobs WHERE finished_at < ? LIMIT ?)',
    ),
    insertWebhook: db.prepare<WebhookValues>(
      'INSERT INTO webhook_deliveries (url, secret, event_id, body, tries, next_at) VALUES (?, ?, ?, ?, 0, ?)',
    ),
    dueWebhooks: db.prepare<[number, number], WebhookDelivery>(
      'SELECT seq, url, secret, event_id AS eventId, body, tries, next_at AS nextAt FROM webhook_deliveries ' +
        'WHERE next_at <= ? ORDER BY next_at LIMIT ?',
    ),
    nextWebhook: db.prepare<[number], number>('SELECT min(next_at) FROM webhook_deliveries WHERE next_at > ?').pluck(),
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

function accept(
  statements: Statements,
  order: QueuedOrder,
  input: string,
  state: JobState,
): { job: QueuedJob; isNew: boolean } {
  const { apiKeyId, idempotencyKey } = order;
  const known = idempotencyKey === null ? undefined : statements.byIdempotencyKey.get(apiKeyId, idempotencyKey);
  if (known !== undefined) return { job: toQueuedJob(known), isNew: false };
  const job = acceptedJob(order, state);
  const { lastInsertRowid } = statements.insert.run(queuedJobValues(job));
  statements.insertInput.run(lastInsertRowid, input);
  return { job, isNew: true };
}

function advance(
  { update }: Statements,
  row: QueuedJobRow | undefined,
  event: JobEvent,
  move: JobMove,
): JobChange | undefined {
  const moved = movedRow(row, event, move);
  if (moved !== undefined) update.run(...moved.values);
  return moved?.change;
}

function end(statements: Statements, id: string, event: EndEvent, ending: JobEnding): JobChange | undefined {
  const row = statements.byId.get(id);
  const change = advance(statements, row, event, moveOfEnding(ending));
  if (row === undefined || change === undefined) return undefined;
  const { record, result } = ending;
  statements.insertRecord(rowsOf(record));
  statements.deleteInput.run(row.seq);
  if (result !== null) statements.insertResult.run(row.seq, result);
  const word = wordOfEnding(row, ending);
  if (word !== undefined) statements.insertWebhook.run(...word);
  return change;
}

function listPage(
  statements: Statements,
  { limit, before = LAST_ID, apiKeyId }: { limit: number; before?: string | undefined; apiKeyId: string | null },
): ListedJobs {
  const { liveOfAny, liveOfKey, endedOfAny, endedOfKey } = statements;
  const most = limit + 1;
  const live = apiKeyId === null ? liveOfAny.all(before, most) : liveOfKey.all(before, apiKeyId, most);
  const ended = apiKeyId === null ? endedOfAny.all(before, most) : endedOfKey.all(before, apiKeyId, most);
  return pageOf(live, ended, limit);
}
