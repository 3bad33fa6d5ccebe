import { type BudgetPeriod, periodAt } from '../../shared/credits/budget-period.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { CreditStore } from '../store/credit-store.ts';
import type { AccountLimits } from '../store/store.ts';
import { keyAccount } from './accounts.ts';
import { creditsText } from './credits-text.ts';

/** What an account may spend within a period, and from where on the operator is told. */
export type Budget = Pick<AccountLimits, 'budgetMicro' | 'budgetDuration' | 'softBudgetMicro'>;

/** What of a budget is used. */
export type BudgetStanding = Budget & BudgetPeriod & { spentMicro: number; isSoftReached: boolean };

export type Budgets = {
  /** Resolves when it counts. Errors: `storage_failed`. */
  set(keyId: string, budget: Budget): Promise<void>;
  /** Throws `budget_exceeded` where `microMore` do not fit beside what is held. */
  assertRoom(keyId: string, microMore: number, heldMicro: number): void;
  /** Counts what was charged, at the time of its entry in the ledger. */
  charged(keyId: string, at: number, micro: number): void;
  /** Undefined for an account without budget. */
  standing(keyId: string): BudgetStanding | undefined;
};

export type BudgetPorts = {
  store: Pick<CreditStore, 'spentOf'>;
  /** The last entry of the ledger before anything was charged here. */
  lastSeq: number;
  /** Hears once in a period of an account that has reached its soft budget. */
  onSoftReached: (keyId: string, standing: BudgetStanding) => void;
  /** Milliseconds since 1970. */
  now: () => number;
};

type Entry = {
  budget: Budget;
  period: BudgetPeriod;
  spentMicro: number;
  /** Of all that the account has been charged, in this period or not. */
  latestAt: number;
  isTold: boolean;
  counts: Promise<void>;
};

/**
 * Invariants: (1) `spentMicro` is the sum of the ledger's entries of the account in this period, with those that are told and not
 * written yet; (2) a period that is over counts no more, and its end needs no timer; one that has not begun, since the clock
 * was set back, counts neither; (3) who is beyond the soft budget when the counting begins was told of it, or has set it so;
 * (4) a period of which the ledger holds entries when it begins, since the clock was ahead or behind, is counted anew.
 */
export function createBudgets({ store, lastSeq, onSoftReached, now }: BudgetPorts): Budgets {
  const entries = new Map<string, Entry>();
  /** Of every account, since the relay was started: what the ledger may not hold yet. */
  const told = new Map<string, number>();

  const isReached = ({ budget: { softBudgetMicro: soft }, spentMicro }: Entry): boolean =>
    soft !== null && spentMicro >= soft;
  const count = async (keyId: string, entry: Entry): Promise<void> => {
    const { startsAt, renewsAt } = entry.period;
    const range = { at: startsAt, until: renewsAt, behindSeq: lastSeq };
    const { sinceMicro, laterMicro, latestAt } = await store.spentOf(keyAccount(keyId), range);
    entry.latestAt = Math.max(entry.latestAt, latestAt ?? 0);
    if (entry.period.startsAt !== startsAt) return;
    // What was told and is written stands in both, what is told and not written in one, and what is not told yet comes.
    entry.spentMicro = sinceMicro + (told.get(keyId) ?? 0) - laterMicro;
    entry.isTold = isReached(entry);
  };
  /** Until it is counted anew, what is known of it holds, and the operator is told nothing. */
  const recount = (keyId: string, entry: Entry, before: BudgetPeriod): void => {
    const { period } = entry;
    entry.isTold = true;
    entry.counts = count(keyId, entry).catch(() => {
      // Whoever asks next tries again.
      if (entry.period === period) entry.period = before;
    });
  };
  const current = (keyId: string, at = now()): Entry | undefined => {
    const entry = entries.get(keyId);
    if (entry === undefined) return undefined;
    const before = entry.period;
    const isBack = at < before.startsAt;
    if (!isBack && (before.renewsAt === null || at < before.renewsAt)) return entry;
    entry.period = periodAt(entry.budget.budgetDuration, at);
    // The clock was set back: what was spent in the other period holds until this one is counted.
    if (!isBack) entry.spentMicro = 0;
    entry.isTold = false;
    if (isBack || entry.period.startsAt <= entry.latestAt) recount(keyId, entry, before);
    return entry;
  };
  const begin = async (keyId: string, budget: Budget): Promise<void> => {
    const period = periodAt(budget.budgetDuration, now());
    const { spentMicro = 0, latestAt = 0 } = entries.get(keyId) ?? {};
    const entry: Entry = { budget, period, spentMicro, latestAt, isTold: true, counts: Promise.resolve() };
    entries.set(keyId, entry);
    entry.counts = count(keyId, entry);
    try {
      await entry.counts;
    } catch (error) {
      // Whoever asks next tries again.
      if (entries.get(keyId) === entry) entries.delete(keyId);
      throw error;
    }
  };

  return {
    set: (keyId, budget) => {
      if (budget.budgetMicro === null && budget.softBudgetMicro === null) {
        entries.delete(keyId);
        return Promise.resolve();
      }
      const known = current(keyId);
      if (known === undefined || known.budget.budgetDuration !== budget.budgetDuration) return begin(keyId, budget);
      if (known.budget.softBudgetMicro !== budget.softBudgetMicro) known.isTold = isReached({ ...known, budget });
      known.budget = budget;
      return known.counts;
    },
    assertRoom: (keyId, microMore, heldMicro) => {
      const entry = current(keyId);
      if (entry === undefined || entry.budget.budgetMicro === null) return;
      const leftMicro = entry.budget.budgetMicro - entry.spentMicro - heldMicro;
      // What is free is free for a key that has spent all, too.
      if (microMore > Math.max(0, leftMicro)) throw exceeded(microMore, leftMicro, entry.period.renewsAt, now());
    },
    charged: (keyId, at, micro) => {
      told.set(keyId, (told.get(keyId) ?? 0) + micro);
      const entry = current(keyId, Math.max(at, now()));
      if (entry !== undefined) entry.latestAt = Math.max(entry.latestAt, at);
      // One that was written before the period began is counted there.
      if (entry === undefined || at < entry.period.startsAt) return;
      entry.spentMicro += micro;
      if (entry.isTold || !isReached(entry)) return;
      entry.isTold = true;
      onSoftReached(keyId, standingOf(entry));
    },
    standing: (keyId) => {
      const entry = current(keyId);
      return entry && standingOf(entry);
    },
  };

  function standingOf(entry: Entry): BudgetStanding {
    const { budget, period, spentMicro } = entry;
    return { ...budget, ...period, spentMicro, isSoftReached: isReached(entry) };
  }
}

function exceeded(neededMicro: number, leftMicro: number, renewsAt: number | null, now: number): Problem {
  const sentence =
    `This may cost up to ${creditsText(neededMicro)} credits and the budget of the key has ${creditsText(Math.max(0, leftMicro))} left` +
    (renewsAt === null ? '. ' : `; it is renewed at ${new Date(renewsAt).toISOString()}. `) +
    'Ask for less at once (max_tokens), wait, or ask the operator for a larger budget.';
  return new Problem('budget_exceeded', sentence, renewsAt === null ? {} : { retryAfterMs: renewsAt - now });
}
