import {
  HOURS_PER_DAY,
  USAGE_GROUPS,
  type UsageGroup,
  type UsageQuery,
  type UsageStore,
  type UsageSum,
} from '../usage-store.ts';
import type { PostgresAccess } from './queries.ts';

const COLUMN_OF: Readonly<Record<UsageGroup, string>> = {
  day: 'hour / 24',
  hour: 'hour',
  key: 'api_key_id',
  model: 'model',
  node: 'node_id',
};

const ADD_FOLDED = `
INSERT INTO usage AS u (hour, api_key_id, model, node_id, jobs, failed, input_tokens, output_tokens)
SELECT hour / 24 * 24, api_key_id, model, node_id, sum(jobs), sum(failed), sum(input_tokens), sum(output_tokens)
FROM usage WHERE hour < $1 AND hour % 24 <> 0 GROUP BY hour / 24, api_key_id, model, node_id
ON CONFLICT (hour, api_key_id, model, node_id) DO UPDATE SET jobs = u.jobs + excluded.jobs,
  failed = u.failed + excluded.failed, input_tokens = u.input_tokens + excluded.input_tokens,
  output_tokens = u.output_tokens + excluded.output_tokens`;
const DROP_FOLDED = 'DELETE FROM usage WHERE hour < $1 AND hour % 24 <> 0';

/** Sums of finished jobs, on PostgreSQL; `job-insert.ts` adds to them. */
export function createUsageStore(access: PostgresAccess): UsageStore {
  return {
    sumUsage: (query) => {
      const { fromHour, toHour, apiKeyId = null, limit } = query;
      return access.read((db) => db.all<UsageSum>(sumOf(query), [fromHour, toHour, apiKeyId, limit]));
    },
    foldHours: (beforeDay) =>
      access.write(async (db) => {
        await db.all(ADD_FOLDED, [beforeDay * HOURS_PER_DAY]);
        await db.all(DROP_FOLDED, [beforeDay * HOURS_PER_DAY]);
      }),
  };
}

/** Only names of the table above get into the text. */
function sumOf({ by }: UsageQuery): string {
  const shown = USAGE_GROUPS.map((group) => `${by.includes(group) ? COLUMN_OF[group] : 'NULL'} AS "${group}"`);
  const groups = USAGE_GROUPS.filter((group) => by.includes(group)).map((group) => COLUMN_OF[group]);
  return `
SELECT ${shown.join(', ')}, sum(jobs) AS jobs, sum(failed) AS failed,
  sum(input_tokens) AS "inputTokens", sum(output_tokens) AS "outputTokens"
FROM usage WHERE hour BETWEEN $1 AND $2 AND ($3::text IS NULL OR api_key_id = $3)
GROUP BY ${groups.join(', ')} ORDER BY ${groups.join(', ')} LIMIT $4`;
}
