import { Problem } from '../../../shared/problems/problem.ts';

const PAGE_USUAL = 100;
const PAGE_MOST = 1_000;

/** How many a page holds, as a query says it. Errors: `invalid_value`. */
export function readPageLimit(text: string | undefined, most: number = PAGE_MOST): number {
  const limit = text === undefined ? PAGE_USUAL : Number(text);
  if (limit >= 1 && limit <= most) return limit;
  throw new Problem('invalid_value', `limit must be 1 to ${most}.`, { param: 'limit' });
}
