import type { BudgetUpdate } from '../../shared/api/live.ts';
import type { RelayLog } from '../log.ts';
import type { BudgetStanding } from './budgets.ts';

/** Tells operators of soft budgets that were reached, in the log and to whoever listens. */
export type BudgetNews = {
  softReached(accountId: string, standing: BudgetStanding): void;
  listen(listener: (update: BudgetUpdate) => void): void;
};

export function createBudgetNews(log: RelayLog): BudgetNews {
  const listeners: ((update: BudgetUpdate) => void)[] = [];
  return {
    softReached: (account, { spentMicro, softBudgetMicro, budgetMicro, renewsAt }) => {
      const update: BudgetUpdate = {
        account,
        spent_micro: spentMicro,
        soft_budget_micro: softBudgetMicro ?? 0,
        budget_micro: budgetMicro,
        renews_at: renewsAt,
      };
      log.warn(update, 'a key has reached its soft budget');
      for (const listener of listeners) listener(update);
    },
    listen: (listener) => void listeners.push(listener),
  };
}
