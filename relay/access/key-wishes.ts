import { type ChangeKeyRequest, type CreateKeyRequest, KEY_SCOPES } from '../../shared/api/keys.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { AccountLimits, KeyChange } from '../store/store.ts';

/** Refuses an end that is over. Errors: `invalid_value`. */
export function assertFuture(expiresAt: number | null, now: number): void {
  if (expiresAt === null || expiresAt > now) return;
  throw new Problem('invalid_value', 'expires_at lies in the past. Give milliseconds since 1970.', {
    param: 'expires_at',
  });
}

/** Refuses budgets that make no sense together. Errors: `invalid_value`. */
export function assertBudget({ budgetMicro, budgetDuration, softBudgetMicro }: AccountLimits): void {
  if (budgetDuration !== null && budgetMicro === null && softBudgetMicro === null) {
    throw new Problem('invalid_value', 'budget_duration needs budget_micro or soft_budget_micro beside it.', {
      param: 'budget_duration',
    });
  }
  if (budgetMicro === null || softBudgetMicro === null || softBudgetMicro < budgetMicro) return;
  throw new Problem('invalid_value', 'soft_budget_micro must be less than budget_micro.', {
    param: 'soft_budget_micro',
  });
}

export function unchangeable(): Problem {
  return new Problem('invalid_value', 'A key that was revoked cannot be changed. Make a new one instead.', {
    param: 'id',
  });
}

/** What is said of limits: null for one that is taken away, nothing for one that is not named. */
export function limitsIn(wishes: Partial<CreateKeyRequest>): Partial<AccountLimits> {
  return said({
    requestsPerMinute: wishes.requests_per_minute,
    tokensPerMinute: wishes.tokens_per_minute,
    creditLimitMicro: wishes.credit_limit_micro,
    maxParallelRequests: wishes.max_parallel_requests,
    budgetMicro: wishes.budget_micro,
    budgetDuration: wishes.budget_duration,
    softBudgetMicro: wishes.soft_budget_micro,
  });
}

/** What is to be changed of a key, as its record has it. */
export function changesIn(change: ChangeKeyRequest): KeyChange {
  const { name, description, scopes, models, expires_at: expiresAt } = change;
  const chosen = scopes === undefined ? undefined : KEY_SCOPES.filter((scope) => scopes?.includes(scope) ?? true);
  return { ...said({ name, description, scopes: chosen, models, expiresAt }), ...limitsIn(change) };
}

/** Without what is undefined. */
function said<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
