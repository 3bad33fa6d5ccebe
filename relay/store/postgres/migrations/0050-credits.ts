import type { Migration } from '../../migration.ts';

/**
 * Balances follow from entries by a trigger, so that nothing can write one without the other; entries and settlements
 * refuse to be changed.
 */
export const credits: Migration = {
  id: 50,
  name: 'credits',
  sql: `
CREATE TABLE prices (
  service TEXT COLLATE "C" PRIMARY KEY,
  rates TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE ledger_entries (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  from_account TEXT COLLATE "C" NOT NULL,
  to_account TEXT COLLATE "C" NOT NULL CHECK (to_account <> from_account),
  amount_micro BIGINT NOT NULL CHECK (amount_micro > 0),
  reference TEXT NOT NULL
);
CREATE INDEX ledger_entries_from ON ledger_entries (from_account, seq);
CREATE INDEX ledger_entries_to ON ledger_entries (to_account, seq);
CREATE UNIQUE INDEX ledger_grants ON ledger_entries (reference) WHERE kind = 'grant';

CREATE TABLE accounts (
  account TEXT COLLATE "C" PRIMARY KEY,
  balance_micro BIGINT NOT NULL
);

CREATE FUNCTION keep_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO accounts AS a VALUES (new.from_account, -new.amount_micro)
    ON CONFLICT (account) DO UPDATE SET balance_micro = a.balance_micro - new.amount_micro;
  INSERT INTO accounts AS a VALUES (new.to_account, new.amount_micro)
    ON CONFLICT (account) DO UPDATE SET balance_micro = a.balance_micro + new.amount_micro;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_balances AFTER INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION keep_balances();
CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('entries of the ledger');

CREATE TABLE settlements (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  last_entry BIGINT NOT NULL,
  body TEXT NOT NULL
);
CREATE TRIGGER settlements_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON settlements
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('settlements');
`,
};
