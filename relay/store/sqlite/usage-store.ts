import type { Database } from 'better-sqlite3';
import { USAGE_GROUPS, type UsageGroup, type UsageQuery, type UsageStore, type UsageSum } from '../usage-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

const COLUMN_OF: Readonly<Record<UsageGroup, string>> = {
  day: 'day',
  key: 'api_key_id',
  model: 'model',
  node: 'node_id',
};

/** Adds one job; positions as `usageValues` of `job-rows.ts` gives them. */
export const ADD_USAGE = `
INSERT INTO usage (day, api_key_id, model, node_id, jobs, failed, input_tokens, output_tokens)
VALUES (?, ?, ?, ?, 1, ?, ?, ?)
ON CONFLICT DO UPDATE SET jobs = jobs + 1, failed = failed + excluded.failed,
  input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens`;

export function createUsageStore(db: Database, access: SqliteAccess): UsageStore {
  return {
    sumUsage: (query) =>
      access.read(() => {
        const { fromDay, toDay, apiKeyId = null, limit } = query;
        return db.prepare<unknown[], UsageSum>(sumOf(query)).all(fromDay, toDay, apiKeyId, apiKeyId, limit);
      }),
  };
}

/** Only names of the table above get into the text. */
function sumOf({ by }: UsageQuery): string {
  const shown = USAGE_GROUPS.map((group) => `${by.includes(group) ? COLUMN_OF[group] : 'NULL'} AS "${group}"`);
  const groups = USAGE_GROUPS.filter((group) => by.includes(group)).map((group) => COLUMN_OF[group]);
  return `
SELECT ${shown.join(', ')}, sum(jobs) AS jobs, sum(failed) AS failed,
  sum(input_tokens) AS inputTokens, sum(output_tokens) AS outputTokens
FROM usage WHERE day BETWEEN ? AND ? AND (? IS NULL OR api_key_id = ?)
GROUP BY ${groups.join(', ')} ORDER BY ${groups.join(', ')} LIMIT ?`;
}
