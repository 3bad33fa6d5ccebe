import type { Migration } from './migration.ts';

/** How the key begins, to tell keys apart by; null for one that was made before this was kept. */
export const keyPrefix: Migration = {
  id: 97,
  name: 'key-prefix',
  sql: 'ALTER TABLE api_keys ADD COLUMN prefix TEXT;',
};
