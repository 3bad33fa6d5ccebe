import type { Migration } from '../../migration.ts';

/**
 * Lists of jobs by their state, of every key and of one: ids begin with their time. Of every key without those that
 * succeeded, which are most: they are found on the way through all, and their writing costs nothing here.
 */
export const jobsByState: Migration = {
  id: 120,
  name: 'jobs-by-state',
  sql: `
CREATE INDEX jobs_in_state ON jobs (state, id) WHERE state <> 'succeeded';
CREATE INDEX jobs_of_key_in_state ON jobs (api_key_id, state, id);
`,
};
