import type { Migration } from '../../migration.ts';

/** Lists of jobs by their state, of every key and of one: ids begin with their time. */
export const jobsByState: Migration = {
  id: 120,
  name: 'jobs-by-state',
  sql: `
CREATE INDEX jobs_in_state ON jobs (state, id);
CREATE INDEX jobs_of_key_in_state ON jobs (api_key_id, state, id);
`,
};
