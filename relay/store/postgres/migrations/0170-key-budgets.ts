import type { Migration } from '../../migration.ts';

/** Null is without limit. What was spent in a period is the sum of the entries of that time, which the index finds. */
export const keyBudgets: Migration = {
  id: 170,
  name: 'key-budgets',
  sql: `
ALTER TABLE api_keys ADD COLUMN max_parallel_requests BIGINT;
ALTER TABLE api_keys ADD COLUMN budget_micro BIGINT;
ALTER TABLE api_keys ADD COLUMN budget_duration TEXT;
ALTER TABLE api_keys ADD COLUMN soft_budget_micro BIGINT;
CREATE INDEX ledger_entries_by_time ON ledger_entries (from_account, at);
`,
};
