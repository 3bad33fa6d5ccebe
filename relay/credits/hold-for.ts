import type { Principal } from '../access/api-keys.ts';
import type { Billing, Priced } from './billing.ts';

/** What of a key's credits a job needs, 0 for one that is free now; undefined for a key that may spend what it likes. */
export function holdFor(
  { limits }: Pick<Principal, 'limits'>,
  job: Priced,
  billing: Pick<Billing, 'mostFor'>,
): number | undefined {
  if (limits === undefined || (limits.creditLimitMicro === null && limits.budgetMicro === null)) return undefined;
  return billing.mostFor(job) ?? 0;
}
