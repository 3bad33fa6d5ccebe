import type { Database } from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';
import type { Receipt } from '../../../shared/receipts/receipt.ts';
import type { FinalState, FinishedJob, JobPage, JobStore } from '../store.ts';
import {
  ATTEMPT_COLUMNS,
  type AttemptRow,
  JOB_COLUMNS,
  type JobRow,
  type JobRows,
  rowsOf,
  toAttempt,
  toJobSummary,
} from './job-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';

export type SqliteJobStore = JobStore & {
  /** `recordFinishedJob` of what `rowsOf` has made of the job. */
  insertRows(rows: JobRows): Promise<void>;
};

/** Job store on SQLite: three inserts per job, in the group's transaction. */
export function createJobStore(db: Database, access: SqliteAccess): SqliteJobStore {
  const statements = prepareStatements(db);
  return {
    recordFinishedJob: (record) => access.write(() => insertJob(statements, rowsOf(record))),
    insertRows: (rows) => access.write(() => insertJob(statements, rows)),
    findJob: (id) => access.read(() => readJob(statements, id)),
    findReceipt: (receiptId) => access.read(() => parseReceipt(statements.receiptById.get(receiptId))),
    receiptOfJob: (jobId) => access.read(() => parseReceipt(statements.receiptOfJob.get(jobId))),
    listJobs: ({ limit, before }) => access.read(() => readPage(statements, limit, before)),
    countJobsByState: () => access.read(() => readCounts(statements)),
  };
}

/** Inserts finished jobs in whatever transaction runs. */
export function prepareJobInsert(db: Database): (rows: JobRows) => void {
  const statements = prepareInserts(db);
  return (rows) => insertJob(statements, rows);
}

type Inserts = ReturnType<typeof prepareInserts>;
type Statements = ReturnType<typeof prepareStatements>;

function prepareInserts(db: Database) {
  const marks = (columns: string) => columns.replaceAll(/\w+/g, '?');
  return {
    insertJob: db.prepare<unknown[]>(`INSERT INTO jobs (${JOB_COLUMNS}) VALUES (${marks(JOB_COLUMNS)})`),
    insertAttempt: db.prepare<unknown[]>(
      `INSERT INTO attempts (${ATTEMPT_COLUMNS}) VALUES (${marks(ATTEMPT_COLUMNS)})`,
    ),
    insertReceipt: db.prepare<unknown[]>('INSERT INTO receipts (id, job, body) VALUES (?, ?, ?)'),
  };
}

function prepareStatements(db: Database) {
  const receiptOfJob =
    'SELECT body FROM receipts WHERE job = (SELECT seq FROM jobs WHERE id = ?) ORDER BY seq DESC LIMIT 1';
  return {
    ...prepareInserts(db),
    jobById: db.prepare<[string], JobRow>(`SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id = ?`),
    attemptsOfJob: db.prepare<[number], AttemptRow>(
      `SELECT ${ATTEMPT_COLUMNS} FROM attempts WHERE job = ? ORDER BY attempt`,
    ),
    receiptById: db.prepare<[string], string>('SELECT body FROM receipts WHERE id = ?').pluck(),
    receiptOfJob: db.prepare<[string], string>(receiptOfJob).pluck(),
    seqOfJob: db.prepare<[string], number>('SELECT seq FROM jobs WHERE id = ?').pluck(),
    jobsBefore: db.prepare<[number, number], JobRow>(
      `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
    ),
    counts: db.prepare<[], { state: FinalState; count: number }>('SELECT state, count FROM job_counts'),
  };
}

function insertJob(statements: Inserts, { job, attempts, receipt }: JobRows): void {
  const { lastInsertRowid } = statements.insertJob.run(job);
  for (const attempt of attempts) statements.insertAttempt.run(lastInsertRowid, attempt);
  if (receipt !== null) statements.insertReceipt.run(receipt.id, lastInsertRowid, receipt.body);
}

function readJob(statements: Statements, id: string): FinishedJob | undefined {
  const row = statements.jobById.get(id);
  if (row === undefined) return undefined;
  const attempts = statements.attemptsOfJob.all(row.seq).map(toAttempt);
  return { ...toJobSummary(row), attempts, receipt: parseReceipt(statements.receiptOfJob.get(id)) ?? null };
}

function readPage(statements: Statements, limit: number, before: string | undefined): JobPage {
  const seq = before === undefined ? Number.MAX_SAFE_INTEGER : statements.seqOfJob.get(before);
  if (seq === undefined) {
    throw new Problem('invalid_value', `There is no job ${before}. Pass the \`next\` of the page before, unchanged.`, {
      param: 'before',
    });
  }
  const rows = statements.jobsBefore.all(seq, limit + 1);
  const jobs = rows.slice(0, limit).map(toJobSummary);
  return { jobs, next: rows.length > limit ? (jobs.at(-1)?.id ?? null) : null };
}

function readCounts(statements: Statements): Record<FinalState, number> {
  const counts: Record<FinalState, number> = { succeeded: 0, failed: 0, cancelled: 0, expired: 0 };
  for (const { state, count } of statements.counts.all()) counts[state] = count;
  return counts;
}

function parseReceipt(body: string | undefined): Receipt | undefined {
  return body === undefined ? undefined : (JSON.parse(body) as Receipt);
}
