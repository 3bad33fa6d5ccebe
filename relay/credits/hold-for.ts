import type { Principal } from '../access/api-keys.ts';
import type { Billing, Priced } from './billing.ts';

/** What of a key's credits a job needs, 0 for one that is free now; undefined for a key without a limit. */
export function holdFor(
  { limits }: Pick<Principal, 'limits'>,
  job: Priced,
  billing: Pick<Billing, 'mostFor'>,
): number | undefined {
  return limits === undefined || limits.creditLimitMicro === null ? undefined : (billing.mostFor(job) ?? 0);
}
