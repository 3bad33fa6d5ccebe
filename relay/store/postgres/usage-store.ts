import { foldingOf, sumOf } from '../rows/usage-rows.ts';
import { HOURS_PER_DAY, type UsageStore, type UsageSum } from '../usage-store.ts';
import type { PostgresAccess } from './queries.ts';

const FOLD = foldingOf('$1');
const ASKED = 'hour BETWEEN $1 AND $2 AND ($3::text IS NULL OR api_key_id = $3)';

/** Sums of finished jobs, on PostgreSQL; `job-insert.ts` adds to them. */
export function createUsageStore(access: PostgresAccess): UsageStore {
  return {
    sumUsage: (query) => {
      const { fromHour, toHour, apiKeyId = null, limit } = query;
      return access.read((db) => db.all<UsageSum>(sumOf(query, ASKED, '$4'), [fromHour, toHour, apiKeyId, limit]));
    },
    foldHours: (beforeDay) =>
      access.write(async (db) => {
        await db.all(FOLD.add, [beforeDay * HOURS_PER_DAY]);
        await db.all(FOLD.drop, [beforeDay * HOURS_PER_DAY]);
      }),
  };
}
