import type { Migration } from '../../migration.ts';

/** A row for each time that a relay which writes opened the database. */
export const openings: Migration = {
  id: 140,
  name: 'openings',
  sql: 'CREATE TABLE openings (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY);',
};
