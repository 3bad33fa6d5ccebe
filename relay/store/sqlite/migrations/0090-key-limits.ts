import type { Migration } from './migration.ts';

/** `models` is a JSON array; null, here as in the other two, is without limit. */
export const keyLimits: Migration = {
  id: 90,
  name: 'key-limits',
  sql: `
ALTER TABLE api_keys ADD COLUMN models TEXT;
ALTER TABLE api_keys ADD COLUMN requests_per_minute INTEGER;
ALTER TABLE api_keys ADD COLUMN tokens_per_minute INTEGER;
`,
};
