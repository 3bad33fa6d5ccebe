import type { Migration } from '../../migration.ts';

/** What a key is for, in the words of its operator; null where nothing was said. */
export const keyDescription: Migration = {
  id: 150,
  name: 'key-description',
  sql: 'ALTER TABLE api_keys ADD COLUMN description TEXT;',
};
