import type { Migration } from '../../migration.ts';

/** Which key a key has replaced in the end, since jobs, files and credits stay with the first; null for one that replaced none. */
export const keyAccounts: Migration = {
  id: 105,
  name: 'key-accounts',
  sql: 'ALTER TABLE api_keys ADD COLUMN account_id TEXT;',
};
