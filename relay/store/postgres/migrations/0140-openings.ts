import type { Migration } from '../../migration.ts';

/** One row: the last opening of the database by a relay that writes. */
export const openings: Migration = {
  id: 140,
  name: 'openings',
  sql: 'CREATE TABLE openings (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY);',
};
