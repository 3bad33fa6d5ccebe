import { USAGE_GROUPS, type UsageGroup, type UsageQuery, type UsageStore, type UsageSum } from '../usage-store.ts';
import type { PostgresAccess } from './queries.ts';

const COLUMN_OF: Readonly<Record<UsageGroup, string>> = {
  day: 'day',
  key: 'api_key_id',
  model: 'model',
  node: 'node_id',
};

/** Sums of finished jobs, on PostgreSQL; `job-insert.ts` adds to them. */
export function createUsageStore(access: PostgresAccess): UsageStore {
  return {
    sumUsage: (query) => {
      const { fromDay, toDay, apiKeyId = null, limit } = query;
      return access.read((db) => db.all<UsageSum>(sumOf(query), [fromDay, toDay, apiKeyId, limit]));
    },
  };
}

/** Only names of the table above get into the text. */
function sumOf({ by }: UsageQuery): string {
  const shown = USAGE_GROUPS.map((group) => `${by.includes(group) ? COLUMN_OF[group] : 'NULL'} AS "${group}"`);
  const groups = USAGE_GROUPS.filter((group) => by.includes(group)).map((group) => COLUMN_OF[group]);
  return `
SELECT ${shown.join(', ')}, sum(jobs) AS jobs, sum(failed) AS failed,
  sum(input_tokens) AS "inputTokens", sum(output_tokens) AS "outputTokens"
FROM usage WHERE day BETWEEN $1 AND $2 AND ($3::text IS NULL OR api_key_id = $3)
GROUP BY ${groups.join(', ')} ORDER BY ${groups.join(', ')} LIMIT $4`;
}
