import type { KeyStanding } from '../../shared/api/keys.ts';
import type { Billing } from '../credits/billing.ts';
import { leftMicro } from '../credits/left-micro.ts';
import type { KeyLimits } from './api-keys.ts';
import type { ParallelLimits } from './parallel-limits.ts';
import type { RateLimits } from './rate-limits.ts';

/** Those who count what keys use. */
export type LimitKeepers = { rateLimits: RateLimits; parallelLimits: ParallelLimits; billing: Billing };

/** Tells all of them what an account may use; done when that counts. Errors: `storage_failed`. */
export function setAccountLimits(
  accountId: string,
  limits: KeyLimits,
  { rateLimits, parallelLimits, billing }: LimitKeepers,
): Promise<void> {
  rateLimits.fit(accountId, limits);
  parallelLimits.fit(accountId, limits.maxParallelRequests);
  billing.setLimit(accountId, limits.creditLimitMicro);
  return billing.setBudget(accountId, limits);
}

/** What an account has used and has left, by the counts that refuse. */
export function standingOf(accountId: string, { rateLimits, parallelLimits, billing }: LimitKeepers): KeyStanding {
  const { requests, tokens } = rateLimits.allowances(accountId) ?? { requests: null, tokens: null };
  const credits = billing.standing(accountId);
  const budget = billing.budget(accountId);
  return {
    requests_left: requests?.remaining ?? null,
    tokens_left: tokens?.remaining ?? null,
    running_requests: parallelLimits.standing(accountId)?.running ?? null,
    credits_left_micro: credits ? leftMicro(credits.balanceMicro + credits.limitMicro, credits.heldMicro) : null,
    budget_spent_micro: budget?.spentMicro ?? null,
    budget_held_micro: budget?.heldMicro ?? null,
    budget_left_micro:
      budget == null || budget.budgetMicro === null
        ? null
        : leftMicro(budget.budgetMicro, budget.spentMicro, budget.heldMicro),
    budget_renews_at: budget?.renewsAt ?? null,
    soft_budget_reached: budget?.isSoftReached ?? false,
  };
}
