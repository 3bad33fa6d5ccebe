import type { Database } from 'better-sqlite3';
import { createCheckAllowance } from '../check-allowance.ts';
import {
  ATTEMPT_COLUMNS,
  type AttemptRow,
  countsOf,
  isPayWithheld,
  JOB_COLUMNS,
  type JobRow,
  type JobRows,
  noSuchJob,
  pageOfJobs,
  type StateCount,
  toAttempt,
  toJobSummary,
} from '../rows/job-rows.ts';
import type { ChargeValues } from '../rows/ledger-rows.ts';
import type { FinalState, FinishedJob, ForgottenJobs, JobPage } from '../store.ts';
import type { JobRoom } from '../store-rooms.ts';
import type { ReceiptRows } from './receipt-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';
import { ADD_USAGE } from './usage-store.ts';

export type JobStoreOptions = {
  insertJob: JobInsert;
  receipts: ReceiptRows;
  /** Milliseconds, monotonic. */
  now: () => number;
};

/** Job store on SQLite: a handful of inserts per job, in the group's transaction. Receipts are sealed when they are read. */
export function createJobStore(
  db: Database,
  access: SqliteAccess,
  { insertJob, receipts, now }: JobStoreOptions,
): JobRoom {
  const statements = prepareStatements(db);
  const mayCheck = createCheckAllowance(now);
  return {
    insertRows: async (rows) => {
      await access.write(() => insertJob(rows));
      return rows.receipt !== null && mayCheck() ? receipts.judge(rows.receipt.body) : null;
    },
    findJob: (id) => access.read(() => readJob(statements, receipts, id)),
    findReceipt: (receiptId) => access.read(() => receipts.find(receiptId)),
    receiptOfJob: (jobId) => access.read(() => receipts.latestOf(jobId)),
    receiptsOfJob: (jobId) => access.read(() => receipts.allOf(jobId)),
    listJobs: ({ limit, before }) => access.read(() => readPage(statements, limit, before)),
    countJobsByState: () => access.read(() => readCounts(statements)),
    forgetJobs: (page) => access.write(() => forgetPage(statements, page)),
  };
}

/** Inserts finished jobs, with what else is kept of them, in whatever transaction runs. */
export function prepareJobInsert(db: Database, { receipts, charge: enter }: JobParts): JobInsert {
  const statements = prepareInserts(db);
  return (rows) => {
    const { job, attempts, receipt, usage, charge } = rows;
    const { lastInsertRowid } = statements.insertJob.run(job);
    for (const attempt of attempts) statements.insertAttempt.run(lastInsertRowid, attempt);
    statements.addUsage.run(usage);
    if (receipt !== null) receipts.insert(lastInsertRowid, receipt);
    if (charge !== null) enter(charge, isPayWithheld(rows, receipts.judge));
  };
}

export type JobInsert = (rows: JobRows) => void;
export type JobParts = { receipts: ReceiptRows; charge: (values: ChargeValues, isWithheld: boolean) => void };

type Statements = ReturnType<typeof prepareStatements>;

function prepareInserts(db: Database) {
  const marks = (columns: string) => columns.replaceAll(/\w+/g, '?');
  return {
    insertJob: db.prepare<unknown[]>(`INSERT INTO jobs (${JOB_COLUMNS}) VALUES (${marks(JOB_COLUMNS)})`),
    insertAttempt: db.prepare<unknown[]>(
      `INSERT INTO attempts (${ATTEMPT_COLUMNS}) VALUES (${marks(ATTEMPT_COLUMNS)})`,
    ),
    addUsage: db.prepare<unknown[]>(ADD_USAGE),
  };
}

function prepareStatements(db: Database) {
  return {
    jobById: db.prepare<[string], JobRow>(`SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id = ?`),
    attemptsOfJob: db.prepare<[number], AttemptRow>(
      `SELECT ${ATTEMPT_COLUMNS} FROM attempts WHERE job = ? ORDER BY attempt`,
    ),
    seqOfJob: db.prepare<[string], number>('SELECT seq FROM jobs WHERE id = ?').pluck(),
    jobsBefore: db.prepare<[number, number], JobRow>(
      `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
    ),
    // The newest stays, or its place in the order would be given again.
    oldest: db.prepare<[number, number], { seq: number; finished_at: number; has_receipt: 0 | 1 }>(
      `SELECT seq, finished_at, EXISTS (SELECT 1 FROM receipts WHERE job = jobs.seq) AS has_receipt
      FROM jobs WHERE seq > ? AND seq < (SELECT max(seq) FROM jobs) ORDER BY seq LIMIT ?`,
    ),
    deleteAttempts: db.prepare<[number]>('DELETE FROM attempts WHERE job = ?'),
    deleteJob: db.prepare<[number]>('DELETE FROM jobs WHERE seq = ?'),
    counts: db.prepare<[], StateCount>('SELECT state, count FROM job_counts'),
  };
}

function readJob(statements: Statements, receipts: ReceiptRows, id: string): FinishedJob | undefined {
  const row = statements.jobById.get(id);
  if (row === undefined) return undefined;
  const attempts = statements.attemptsOfJob.all(row.seq).map(toAttempt);
  return { ...toJobSummary(row), attempts, receipt: receipts.latestOf(id) ?? null };
}

function readPage(statements: Statements, limit: number, before: string | undefined): JobPage {
  const seq = before === undefined ? Number.MAX_SAFE_INTEGER : statements.seqOfJob.get(before);
  if (seq === undefined) throw noSuchJob(before);
  return pageOfJobs(statements.jobsBefore.all(seq, limit + 1), limit);
}

function forgetPage(
  statements: Statements,
  { finishedBefore, after, limit }: { finishedBefore: number; after: number; limit: number },
): ForgottenJobs {
  const rows = statements.oldest.all(after, limit);
  let [forgotten, reached] = [0, after];
  for (const { seq, finished_at, has_receipt } of rows) {
    if (finished_at >= finishedBefore) return { forgotten, reached, isDone: true };
    reached = seq;
    if (has_receipt === 1) continue;
    statements.deleteAttempts.run(seq);
    statements.deleteJob.run(seq);
    forgotten += 1;
  }
  return { forgotten, reached, isDone: rows.length < limit };
}

function readCounts(statements: Statements): Record<FinalState, number> {
  return countsOf(statements.counts.all());
}
