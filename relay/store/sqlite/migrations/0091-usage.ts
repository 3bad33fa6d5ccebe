import type { Migration } from './migration.ts';

/** Days since 1970 in UTC; `node_id` is where the last attempt ran, empty when there was none. Begins with what is known. */
export const usage: Migration = {
  id: 91,
  name: 'usage',
  sql: `
CREATE TABLE usage (
  day INTEGER NOT NULL,
  api_key_id TEXT NOT NULL,
  model TEXT NOT NULL,
  node_id TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  PRIMARY KEY (day, api_key_id, model, node_id)
) STRICT, WITHOUT ROWID;
INSERT INTO usage
SELECT jobs.finished_at / 86400000, api_key_id, model, coalesce(last.node_id, ''),
  count(*), sum(jobs.state <> 'succeeded'), sum(coalesce(input_tokens, 0)), sum(coalesce(output_tokens, 0))
FROM jobs LEFT JOIN attempts AS last ON last.job = jobs.seq AND last.attempt =
  (SELECT max(attempt) FROM attempts WHERE job = jobs.seq)
GROUP BY 1, 2, 3, 4;
`,
};
