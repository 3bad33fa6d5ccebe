import type { Migration } from './migration.ts';

/**
 * Balances follow from entries by a trigger, so that nothing can write one without the other; entries and settlements
 * refuse to be changed.
 */
export const credits: Migration = {
  id: 92,
  name: 'credits',
  sql: `
CREATE TABLE prices (
  service TEXT PRIMARY KEY,
  rates TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_entries (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  from_account TEXT NOT NULL,
  to_account TEXT NOT NULL CHECK (to_account <> from_account),
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0),
  reference TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_entries_from ON ledger_entries (from_account, seq);
CREATE INDEX ledger_entries_to ON ledger_entries (to_account, seq);
CREATE UNIQUE INDEX ledger_grants ON ledger_entries (reference) WHERE kind = 'grant';

CREATE TABLE accounts (
  account TEXT PRIMARY KEY,
  balance_micro INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_balances AFTER INSERT ON ledger_entries BEGIN
  INSERT INTO accounts VALUES (new.from_account, -new.amount_micro)
    ON CONFLICT (account) DO UPDATE SET balance_micro = balance_micro - new.amount_micro;
  INSERT INTO accounts VALUES (new.to_account, new.amount_micro)
    ON CONFLICT (account) DO UPDATE SET balance_micro = balance_micro + new.amount_micro;
END;
CREATE TRIGGER ledger_is_append_only BEFORE UPDATE ON ledger_entries BEGIN
  SELECT raise(ABORT, 'entries of the ledger are never changed');
END;
CREATE TRIGGER ledger_keeps_all BEFORE DELETE ON ledger_entries BEGIN
  SELECT raise(ABORT, 'entries of the ledger are never deleted');
END;

CREATE TABLE settlements (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  last_entry INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE TRIGGER settlements_are_final BEFORE UPDATE ON settlements BEGIN
  SELECT raise(ABORT, 'settlements are never changed');
END;

ALTER TABLE api_keys ADD COLUMN credit_limit_micro INTEGER;
ALTER TABLE queued_jobs ADD COLUMN hold_micro INTEGER;
`,
};
