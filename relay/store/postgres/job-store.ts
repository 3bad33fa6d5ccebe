import { createCheckAllowance } from '../check-allowance.ts';
import {
  ATTEMPT_COLUMNS,
  type AttemptRow,
  countsOf,
  JOB_COLUMNS,
  type JobRow,
  noSuchJob,
  pageOfJobs,
  type StateCount,
  toAttempt,
  toJobSummary,
} from '../rows/job-rows.ts';
import type { FinishedJob, JobPage } from '../store.ts';
import type { JobRoom } from '../store-rooms.ts';
import { forgetPage } from './job-forgetting.ts';
import { insertJob } from './job-insert.ts';
import type { PostgresAccess, Queries } from './queries.ts';
import type { ReceiptReader } from './receipt-reader.ts';

const BY_ID = `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE id = $1`;
const ATTEMPTS = `SELECT ${ATTEMPT_COLUMNS} FROM attempts WHERE job = $1 ORDER BY attempt`;
const BEFORE = `SELECT seq, ${JOB_COLUMNS} FROM jobs WHERE seq < $1 ORDER BY seq DESC LIMIT $2`;

/** Job store on PostgreSQL. Receipts are sealed when they are read. `now` is monotonic, in milliseconds. */
export function createJobStore(access: PostgresAccess, receipts: ReceiptReader, now: () => number): JobRoom {
  const mayCheck = createCheckAllowance(now);
  return {
    insertRows: async (rows) => {
      await access.write((db) => insertJob(db, rows, receipts));
      return rows.receipt !== null && mayCheck() ? receipts.judge(rows.receipt.body) : null;
    },
    findJob: (id) => access.readTogether((db) => readJob(db, receipts, id)),
    findReceipt: (receiptId) => access.read((db) => receipts.find(db, receiptId)),
    receiptOfJob: (jobId) => access.read((db) => receipts.latestOf(db, jobId)),
    receiptsOfJob: (jobId) => access.read((db) => receipts.allOf(db, jobId)),
    listJobs: ({ limit, before }) => access.read((db) => readPage(db, limit, before)),
    forgetJobs: (page) => access.write((db) => forgetPage(db, page)),
    countJobsByState: () =>
      access.read(async (db) => countsOf(await db.all<StateCount>('SELECT state, count FROM job_counts'))),
  };
}

async function readJob(db: Queries, receipts: ReceiptReader, id: string): Promise<FinishedJob | undefined> {
  const row = await db.one<JobRow>(BY_ID, [id]);
  if (row === undefined) return undefined;
  const attempts = (await db.all<AttemptRow>(ATTEMPTS, [row.seq])).map(toAttempt);
  return { ...toJobSummary(row), attempts, receipt: (await receipts.latestOf(db, id)) ?? null };
}

async function readPage(db: Queries, limit: number, before: string | undefined): Promise<JobPage> {
  const last = before === undefined ? { seq: Number.MAX_SAFE_INTEGER } : await db.one<JobRow>(BY_ID, [before]);
  if (last === undefined) throw noSuchJob(before);
  return pageOfJobs(await db.all<JobRow>(BEFORE, [last.seq, limit + 1]), limit);
}
