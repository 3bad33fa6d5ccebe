import type { Database } from 'better-sqlite3';
import { foldingOf, sumOf } from '../rows/usage-rows.ts';
import { HOURS_PER_DAY, type UsageStore, type UsageSum } from '../usage-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** Adds one job; positions as `usageValues` of `job-rows.ts` gives them. */
export const ADD_USAGE = `
INSERT INTO usage (hour, api_key_id, model, node_id, jobs, failed, input_tokens, output_tokens)
VALUES (?, ?, ?, ?, 1, ?, ?, ?)
ON CONFLICT DO UPDATE SET jobs = jobs + 1, failed = failed + excluded.failed,
  input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens`;

const FOLD = foldingOf('?');
const ASKED = 'hour BETWEEN ? AND ? AND (? IS NULL OR api_key_id = ?)';

export function createUsageStore(db: Database, access: SqliteAccess): UsageStore {
  return {
    sumUsage: (query) =>
      access.read(() => {
        const { fromHour, toHour, apiKeyId = null, limit } = query;
        const sums = db.prepare<unknown[], UsageSum>(sumOf(query, ASKED, '?'));
        return sums.all(fromHour, toHour, apiKeyId, apiKeyId, limit);
      }),
    foldHours: (beforeDay) =>
      access.write(() => {
        db.prepare(FOLD.add).run(beforeDay * HOURS_PER_DAY);
        db.prepare(FOLD.drop).run(beforeDay * HOURS_PER_DAY);
      }),
  };
}
