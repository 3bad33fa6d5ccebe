import type { Migration } from '../../migration.ts';

/** Hours since 1970 in UTC. A day that is no longer told apart by hours lies at its first one, as all that was counted before. */
export const usageHours: Migration = {
  id: 101,
  name: 'usage-hours',
  sql: `
ALTER TABLE usage RENAME TO usage_by_day;
CREATE TABLE usage (
  hour BIGINT NOT NULL,
  api_key_id TEXT NOT NULL,
  model TEXT NOT NULL,
  node_id TEXT NOT NULL,
  jobs BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  input_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  PRIMARY KEY (hour, api_key_id, model, node_id)
);
INSERT INTO usage
SELECT day * 24, api_key_id, model, node_id, jobs, failed, input_tokens, output_tokens FROM usage_by_day;
DROP TABLE usage_by_day;
`,
};
