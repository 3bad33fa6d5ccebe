import type Database from 'better-sqlite3';

/** How many of each a ledger holds; what is older counts on in the sums of its days. */
export type LedgerKept = { readonly jobs: number; readonly credits: number; readonly departures: number };

/**
 * A home's node does some hundreds of jobs a day, a busy one a million: this is months of the one and an hour of the other, with
 * the receipts of the jobs about 130 MB on disk.
 */
export const USUALLY_KEPT: LedgerKept = { jobs: 50_000, credits: 50_000, departures: 50_000 };

/**
 * Prepares how a ledger forgets what is older than its newest entries, all of it or nothing. Invariants: (1) days keep their sums;
 * (2) a receipt stays as long as its job, or it would be asked for anew; (3) of each relay the newest credit stays, by which is
 * known that those before it are in the sums.
 */
export function prepareForgetting(db: Database.Database, kept: LedgerKept): () => void {
  const oldJob = db.prepare('SELECT row FROM jobs ORDER BY row DESC LIMIT 1 OFFSET ?').pluck();
  const oldCredit = db.prepare('SELECT at FROM credits ORDER BY at DESC LIMIT 1 OFFSET ?').pluck();
  const oldDeparture = db.prepare('SELECT row FROM departures ORDER BY row DESC LIMIT 1 OFFSET ?').pluck();
  const sumJobs = db.prepare(SUM_JOBS_SQL);
  const sumCredits = db.prepare(SUM_CREDITS_SQL);
  const dropReceipts = db.prepare('DELETE FROM receipts WHERE job IN (SELECT job FROM jobs WHERE row <= ?)');
  const dropJobs = db.prepare('DELETE FROM jobs WHERE row <= ?');
  const dropCredits = db.prepare(`DELETE FROM credits WHERE ${IS_OLD_CREDIT_SQL}`);
  const dropDepartures = db.prepare('DELETE FROM departures WHERE row <= ?');
  return db.transaction(() => {
    const job = oldJob.get(kept.jobs);
    if (job !== undefined) for (const step of [sumJobs, dropReceipts, dropJobs]) step.run(job);
    const credit = oldCredit.get(kept.credits);
    if (credit !== undefined) for (const step of [sumCredits, dropCredits]) step.run(credit);
    const departure = oldDeparture.get(kept.departures);
    if (departure !== undefined) dropDepartures.run(departure);
  });
}

const SUM_JOBS_SQL = `
INSERT INTO past_days (day, jobs, failed_jobs, output_tokens, busy_ms, energy_j, metered_jobs, metered_ms)
SELECT day, count(*), count(*) FILTER (WHERE outcome <> 'done'), sum(output_tokens), sum(total_ms), coalesce(sum(energy_j), 0),
  count(energy_j), coalesce(sum(total_ms) FILTER (WHERE energy_j IS NOT NULL), 0)
FROM jobs WHERE row <= ? GROUP BY day
ON CONFLICT (day) DO UPDATE SET jobs = jobs + excluded.jobs, failed_jobs = failed_jobs + excluded.failed_jobs,
  output_tokens = output_tokens + excluded.output_tokens, busy_ms = busy_ms + excluded.busy_ms,
  energy_j = energy_j + excluded.energy_j, metered_jobs = metered_jobs + excluded.metered_jobs,
  metered_ms = metered_ms + excluded.metered_ms`;

/** An id is the key of its relay, a space, and its number there. */
const IS_OLD_CREDIT_SQL = `at <= ? AND row NOT IN (
  SELECT row FROM (
    SELECT row, max(CAST(substr(id, instr(id, ' ') + 1) AS INTEGER)) FROM credits GROUP BY substr(id, 1, instr(id, ' '))))`;

const SUM_CREDITS_SQL = `
INSERT INTO past_days (day, credits) SELECT day, sum(amount) FROM credits WHERE ${IS_OLD_CREDIT_SQL} GROUP BY day
ON CONFLICT (day) DO UPDATE SET credits = credits + excluded.credits`;
