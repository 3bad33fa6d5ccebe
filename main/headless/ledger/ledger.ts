import Database from 'better-sqlite3';
import type {
  LedgerDay,
  LedgerDeparture,
  LedgerJob,
  LedgerReceipt,
  PageRequest,
} from '../../../shared/ipc/ledger-views.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { isProblemCode } from '../../../shared/problems/table.ts';
import type { NodeCredit, UncountedAttempt } from '../../../shared/protocol/node-records.ts';
import type { Receipt } from '../../../shared/receipts/receipt.ts';
import { refuseNoFile } from '../no-file-at.ts';
import { dayOf } from './day-of.ts';
import { LEDGER_MIGRATIONS, type LedgerMigration } from './migrations.ts';
import { type LedgerKept, prepareForgetting, USUALLY_KEPT } from './retention.ts';

/** What the relay that has this key says of this machine's work. */
export type LedgerRecords = {
  relayKey: string;
  receipts: readonly Receipt[];
  credits: readonly NodeCredit[];
  /** Jobs of the relay at this address that did not end as this machine believed. */
  uncounted?: { relay: string; attempts: readonly UncountedAttempt[] };
};

export type Ledger = {
  /** Notes a job that has ended; a second time changes nothing. */
  addJob(job: Omit<LedgerJob, 'row' | 'energyJ'>): void;
  /** What a job has taken, in joules, once that is known. */
  addEnergy(key: { relay: string; job: string; attempt: number }, joules: number): void;
  addReceipt(receipt: Omit<LedgerReceipt, 'row'>): void;
  addCredit(credit: { id: string; at: number; amount: number }): void;
  /** Keeps all of it or nothing; what is known already stays as it is, but for jobs that count as done here alone. */
  addRecords(records: LedgerRecords): void;
  hasCredit(relayKey: string, seq: number): boolean;
  /** Jobs that this relay's clients were answered, begun at `since` or later, and of which no receipt is kept; newest first. */
  jobsWithoutReceipt(asked: { relay: string; since: number; limit: number }): string[];
  /** Counts bytes that have left; what leaves in one minute for one place is one line. */
  addDeparture(departure: Omit<LedgerDeparture, 'row'>): void;
  jobs(page: PageRequest): LedgerJob[];
  receipts(page: PageRequest): LedgerReceipt[];
  departures(page: PageRequest): LedgerDeparture[];
  /** The last days that anything happened on, the newest first. */
  days(count: number): LedgerDay[];
  /** Forgets what is older than the newest entries; to be called now and then. */
  forgetOld(): void;
  close(): void;
};

/** "SPWL": marks the file as a ledger. */
const APPLICATION_ID = 0x5350574c;
const MINUTE_MS = 60_000;
const MICRO = 1_000_000;
/** Ended jobs are worth a little less than a relay's: the last second may be lost with the power. */
const SYNCHRONOUS = 'NORMAL';

/**
 * What this machine has done, in one SQLite file. Never a prompt or an answer. Errors: `data_folder_unusable` when the
 * file is another program's or a newer version's.
 */
export function openLedger(
  path: string,
  migrations: readonly LedgerMigration[] = LEDGER_MIGRATIONS,
  kept: LedgerKept = USUALLY_KEPT,
): Ledger {
  refuseNoFile(path);
  const db = new Database(path);
  try {
    db.pragma('journal_mode = WAL');
    db.pragma(`synchronous = ${SYNCHRONOUS}`);
    migrate(db, migrations);
    return ledgerOn(db, kept);
  } catch (error) {
    // Windows moves no file that is open.
    db.close();
    throw error;
  }
}

function ledgerOn(db: Database.Database, kept: LedgerKept): Ledger {
  const page = (table: string, columns: string) =>
    db.prepare(`SELECT row, ${columns} FROM ${table} WHERE row < ? ORDER BY row DESC LIMIT ?`);
  const addJob = db.prepare(
    `INSERT OR IGNORE INTO jobs (job, attempt, type, model, client, relay, started_at, day, total_ms, input_tokens, output_tokens, outcome)
     VALUES (@job, @attempt, @type, @model, @client, @relay, @startedAt, @day, @totalMs, @inputTokens, @outputTokens, @outcome)`,
  );
  const addEnergy = db.prepare(
    'UPDATE jobs SET energy_j = @joules WHERE relay = @relay AND job = @job AND attempt = @attempt',
  );
  const addReceipt = db.prepare(
    'INSERT OR IGNORE INTO receipts (id, job, at, document) VALUES (@id, @job, @at, @document)',
  );
  const addCredit = db.prepare('INSERT OR IGNORE INTO credits (id, at, day, amount) VALUES (@id, @at, @day, @amount)');
  const addDeparture = db.prepare(
    `INSERT INTO departures (at, kind, "to", size_bytes) VALUES (@at, @kind, @to, @sizeBytes)
     ON CONFLICT (at, kind, "to") DO UPDATE SET size_bytes = size_bytes + excluded.size_bytes`,
  );
  const jobs = page(
    'jobs',
    'job, attempt, type, model, client, relay, started_at AS startedAt, total_ms AS totalMs, input_tokens AS inputTokens, output_tokens AS outputTokens, outcome, energy_j AS energyJ',
  );
  const receipts = page('receipts', 'id, job, at, document');
  const departures = page('departures', 'at, kind, "to", size_bytes AS sizeBytes');
  const days = db.prepare(DAYS_SQL);
  const hasCredit = db.prepare('SELECT 1 FROM credits WHERE id = ?').pluck();
  const jobsWithoutReceipt = db.prepare(WITHOUT_RECEIPT_SQL).pluck();
  const correct = db.prepare(
    `UPDATE jobs SET outcome = @code WHERE relay = @relay AND job = @job AND attempt = @attempt AND outcome = 'done'`,
  );
  const addRecords = db.transaction(({ relayKey, receipts, credits, uncounted }: LedgerRecords) => {
    for (const { job, attempt, code } of uncounted?.attempts ?? []) {
      correct.run({ relay: uncounted?.relay, job, attempt, code: isProblemCode(code) ? code : 'node_fault' });
    }
    for (const receipt of receipts.toSorted((a, b) => a.issuedAt - b.issuedAt)) {
      const { id, job, issuedAt: at } = receipt;
      addReceipt.run({ id, job, at, document: JSON.stringify(receipt) });
    }
    for (const { seq, at, amountMicro } of credits) {
      addCredit.run({ id: creditId(relayKey, seq), at, day: dayOf(at), amount: amountMicro / MICRO });
    }
  });
  const read = <Row>(statement: Database.Statement, { before, limit }: PageRequest): Row[] =>
    statement.all(before ?? Number.MAX_SAFE_INTEGER, limit) as Row[];
  return {
    addJob: (job) => void addJob.run({ ...job, day: dayOf(job.startedAt) }),
    addEnergy: (key, joules) => void addEnergy.run({ ...key, joules }),
    addReceipt: (receipt) => void addReceipt.run(receipt),
    addCredit: (credit) => void addCredit.run({ ...credit, day: dayOf(credit.at) }),
    addRecords: (records) => addRecords(records),
    hasCredit: (relayKey, seq) => hasCredit.get(creditId(relayKey, seq)) !== undefined,
    jobsWithoutReceipt: ({ relay, since, limit }) =>
      jobsWithoutReceipt.all(dayOf(since), relay, since, limit) as string[],
    addDeparture: (departure) => void addDeparture.run({ ...departure, at: departure.at - (departure.at % MINUTE_MS) }),
    jobs: (asked) => read<LedgerJob>(jobs, asked),
    receipts: (asked) => read<LedgerReceipt>(receipts, asked),
    departures: (asked) => read<LedgerDeparture>(departures, asked),
    days: (count) => days.all(count) as LedgerDay[],
    forgetOld: prepareForgetting(db, kept),
    close: () => void db.close(),
  };
}

const WITHOUT_RECEIPT_SQL = `
SELECT DISTINCT job FROM jobs
WHERE day >= ? AND relay = ? AND started_at >= ? AND outcome = 'done'
  AND NOT EXISTS (SELECT 1 FROM receipts WHERE receipts.job = jobs.job)
ORDER BY row DESC LIMIT ?`;

const DAYS_SQL = `
WITH parts AS (
  SELECT day, count(*) AS jobs, count(*) FILTER (WHERE outcome <> 'done') AS failed_jobs, sum(output_tokens) AS output_tokens,
    sum(total_ms) AS busy_ms, 0.0 AS credits, coalesce(sum(energy_j), 0) AS energy_j, count(energy_j) AS metered_jobs,
    coalesce(sum(total_ms) FILTER (WHERE energy_j IS NOT NULL), 0) AS metered_ms
  FROM jobs GROUP BY day
  UNION ALL SELECT day, 0, 0, 0, 0, sum(amount), 0, 0, 0 FROM credits GROUP BY day
  UNION ALL SELECT day, jobs, failed_jobs, output_tokens, busy_ms, credits, energy_j, metered_jobs, metered_ms FROM past_days
)
SELECT day, sum(jobs) AS jobs, sum(failed_jobs) AS failedJobs, sum(output_tokens) AS outputTokens, sum(busy_ms) AS busyMs,
  sum(credits) AS credits, sum(energy_j) AS energyJ, sum(metered_jobs) AS meteredJobs, sum(metered_ms) AS meteredMs
FROM parts GROUP BY day ORDER BY day DESC LIMIT ?`;

function migrate(db: Database.Database, migrations: readonly LedgerMigration[]): void {
  db.transaction(() => {
    const owner = db.pragma('application_id', { simple: true });
    const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
    if (owner !== APPLICATION_ID && (owner !== 0 || tables !== 0)) {
      throw unusable(`${db.name} belongs to another program. Move it away and start again.`);
    }
    db.pragma(`application_id = ${APPLICATION_ID}`);
    const done = Number(db.pragma('user_version', { simple: true }));
    if (done > (migrations.at(-1)?.id ?? 0)) {
      throw unusable(`${db.name} was written by a newer Sparewatt. Install that version or a later one.`);
    }
    for (const { id, sql } of migrations) {
      if (id <= done) continue;
      db.exec(sql);
      db.pragma(`user_version = ${id}`);
    }
  }).immediate();
}

/** Relays number their entries from 1 each; a relay that moves keeps its key. */
function creditId(relayKey: string, seq: number): string {
  return `${relayKey} ${seq}`;
}

function unusable(detail: string): Problem {
  return new Problem('data_folder_unusable', `The ledger ${detail}`);
}
