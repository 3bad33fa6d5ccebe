import type { Migration } from '../../migration.ts';

/** Whether requests of the key must be signed; the secret itself is not in the database. */
export const keyHmac: Migration = {
  id: 93,
  name: 'key-hmac',
  sql: 'ALTER TABLE api_keys ADD COLUMN hmac INTEGER NOT NULL DEFAULT 0 CHECK (hmac IN (0, 1));',
};
