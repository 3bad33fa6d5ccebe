import { USAGE_GROUPS, type UsageGroup, type UsageQuery } from '../usage-store.ts';

/** How the hours of past days become one, on either database; `before` is where the first hour that stays is bound. */
export function foldingOf(before: string): { add: string; drop: string } {
  return {
    add: `
INSERT INTO usage AS u (hour, api_key_id, model, node_id, jobs, failed, input_tokens, output_tokens)
SELECT hour / 24 * 24, api_key_id, model, node_id, sum(jobs), sum(failed), sum(input_tokens), sum(output_tokens)
FROM usage WHERE hour < ${before} AND hour % 24 <> 0 GROUP BY hour / 24, api_key_id, model, node_id
ON CONFLICT (hour, api_key_id, model, node_id) DO UPDATE SET jobs = u.jobs + excluded.jobs,
  failed = u.failed + excluded.failed, input_tokens = u.input_tokens + excluded.input_tokens,
  output_tokens = u.output_tokens + excluded.output_tokens`,
    drop: `DELETE FROM usage WHERE hour < ${before} AND hour % 24 <> 0`,
  };
}

const COLUMN_OF: Readonly<Record<UsageGroup, string>> = {
  day: 'hour / 24',
  hour: 'hour',
  key: 'api_key_id',
  model: 'model',
  node: 'node_id',
};

/** Sums of the rows that `where` finds. Only names of the table above get into the text. */
export function sumOf({ by }: UsageQuery, where: string, limit: string): string {
  const shown = USAGE_GROUPS.map((group) => `${by.includes(group) ? COLUMN_OF[group] : 'NULL'} AS "${group}"`);
  const groups = USAGE_GROUPS.filter((group) => by.includes(group)).map((group) => COLUMN_OF[group]);
  return `
SELECT ${shown.join(', ')}, sum(jobs) AS jobs, sum(failed) AS failed,
  sum(input_tokens) AS "inputTokens", sum(output_tokens) AS "outputTokens"
FROM usage WHERE ${where}
GROUP BY ${groups.join(', ')} ORDER BY ${groups.join(', ')} LIMIT ${limit}`;
}
