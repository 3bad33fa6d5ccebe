import type { Database } from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';
import type { SignatureVerdict } from '../../../shared/receipts/receipt.ts';
import type { FinalState, FinishedJob, ForgottenJobs, JobPage, JobStore } from '../store.ts';
import type { ChargeValues } from './credit-store.ts';
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
import type { ReceiptRows } from './receipt-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';
import { ADD_USAGE } from './usage-store.ts';

export type SqliteJobStore = JobStore & {
  /** `recordFinishedJob` of what `rowsOf` has made of the job. */
  insertRows(rows: JobRows): Promise<SignatureVerdict | null>;
};

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
): SqliteJobStore {
  const statements = prepareStatements(db);
  const mayCheck = createCheckAllowance(now);
  const insertRows = async (rows: JobRows): Promise<SignatureVerdict | null> => {
    await access.write(() => insertJob(rows));
    return rows.receipt !== null && mayCheck() ? receipts.judge(rows.receipt.body) : null;
  };
  return {
    recordFinishedJob: (record) => insertRows(rowsOf(record)),
    insertRows,
    findJob: (id) => access.read(() => readJob(statements, receipts, id)),
    findReceipt: (receiptId) => access.read(() => receipts.find(receiptId)),
    receiptOfJob: (jobId) => access.read(() => receipts.latestOf(jobId)),
    receiptsOfJob: (jobId) => access.read(() => receipts.allOf(jobId)),
    listJobs: ({ limit, before }) => access.read(() => readPage(statements, limit, before)),
    countJobsByState: () => access.read(() => readCounts(statements)),
    forgetJobs: (page) => access.write(() => forgetPage(statements, page)),
  };
}

/** To verify a signature takes as long as a third of a job: under load jobs go first, and readers judge for themselves. */
const MOST_CHECKS_PER_S = 250;

function createCheckAllowance(now: () => number): () => boolean {
  let [since, checks] = [now(), 0];
  return () => {
    if (now() - since >= 1_000) [since, checks] = [now(), 0];
    checks += 1;
    return checks <= MOST_CHECKS_PER_S;
  };
}

/** Inserts finished jobs, with what else is kept of them, in whatever transaction runs. */
export function prepareJobInsert(db: Database, { receipts, charge: enter }: JobParts): JobInsert {
  const statements = prepareInserts(db);
  return ({ job, attempts, receipt, usage, charge }) => {
    const { lastInsertRowid } = statements.insertJob.run(job);
    for (const attempt of attempts) statements.insertAttempt.run(lastInsertRowid, attempt);
    statements.addUsage.run(usage);
    if (receipt !== null) receipts.insert(lastInsertRowid, receipt);
    if (charge !== null) enter(charge);
  };
}

export type JobInsert = (rows: JobRows) => void;
export type JobParts = { receipts: ReceiptRows; charge: (values: ChargeValues) => void };

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
    counts: db.prepare<[], { state: FinalState; count: number }>('SELECT state, count FROM job_counts'),
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
  if (seq === undefined) {
    throw new Problem('invalid_value', `There is no job ${before}. Pass the \`next\` of the page before, unchanged.`, {
      param: 'before',
    });
  }
  const rows = statements.jobsBefore.all(seq, limit + 1);
  const jobs = rows.slice(0, limit).map(toJobSummary);
  return { jobs, next: rows.length > limit ? (jobs.at(-1)?.id ?? null) : null };
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
  const counts: Record<FinalState, number> = { succeeded: 0, failed: 0, cancelled: 0, expired: 0 };
  for (const { state, count } of statements.counts.all()) counts[state] = count;
  return counts;
}
