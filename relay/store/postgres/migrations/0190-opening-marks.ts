import type { Migration } from '../../migration.ts';

/** What no two openings have in common, in whatever database. */
export const openingMarks: Migration = {
  id: 190,
  name: 'opening-marks',
  sql: "ALTER TABLE openings ADD COLUMN mark TEXT NOT NULL DEFAULT '';",
};
