/** One step of the ledger's schema. Once released its text never changes. */
export type LedgerMigration = { readonly id: number; readonly sql: string };

export const LEDGER_MIGRATIONS: readonly LedgerMigration[] = [
  {
    id: 10,
    sql: `
CREATE TABLE jobs (
  row INTEGER PRIMARY KEY,
  job TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  type TEXT NOT NULL,
  model TEXT NOT NULL,
  client TEXT NOT NULL,
  relay TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  day TEXT NOT NULL,
  total_ms INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  UNIQUE (relay, job, attempt)
) STRICT;
CREATE INDEX jobs_by_day ON jobs (day);
CREATE TABLE receipts (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job TEXT NOT NULL,
  at INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE TABLE credits (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  day TEXT NOT NULL,
  amount REAL NOT NULL
) STRICT;
CREATE INDEX credits_by_day ON credits (day);
CREATE TABLE departures (
  row INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  "to" TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  UNIQUE (at, kind, "to")
) STRICT;
`,
  },
  {
    id: 20,
    sql: 'CREATE INDEX receipts_by_job ON receipts (job);',
  },
  {
    id: 30,
    sql: 'ALTER TABLE jobs ADD COLUMN energy_j REAL;',
  },
  {
    // What the entries came to that are kept no more.
    id: 40,
    sql: `
CREATE TABLE past_days (
  day TEXT PRIMARY KEY,
  jobs INTEGER NOT NULL DEFAULT 0,
  failed_jobs INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  busy_ms INTEGER NOT NULL DEFAULT 0,
  credits REAL NOT NULL DEFAULT 0,
  energy_j REAL NOT NULL DEFAULT 0,
  metered_jobs INTEGER NOT NULL DEFAULT 0,
  metered_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
`,
  },
];
