import { type Static, Type } from 'typebox';
import { LedgerDay } from './ledger-views.ts';

/** What some days came to. */
export const LedgerSums = Type.Omit(LedgerDay, ['day']);
export type LedgerSums = Static<typeof LedgerSums>;

/** What `known` of the jobs took. */
export type Energy = { readonly wattHours: number; readonly known: number; readonly jobs: number };

/** Readings are two seconds apart, and less work than this says more of a card's mood than of what jobs take. */
const LEAST_MS = 10 * 60_000;
const JOULES_PER_WATT_HOUR = 3_600;

/** Pure. */
export function sumOfDays(days: readonly LedgerSums[]): LedgerSums {
  const sum = (of: (day: LedgerSums) => number): number => days.reduce((total, day) => total + of(day), 0);
  return {
    jobs: sum(({ jobs }) => jobs),
    failedJobs: sum(({ failedJobs }) => failedJobs),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    busyMs: sum(({ busyMs }) => busyMs),
    credits: sum(({ credits }) => credits),
    energyJ: sum(({ energyJ }) => energyJ),
    meteredJobs: sum(({ meteredJobs }) => meteredJobs),
    meteredMs: sum(({ meteredMs }) => meteredMs),
  };
}

/** The energy of these days; undefined before ten minutes of work were measured. Pure. */
export function energyOf({ meteredMs, energyJ, meteredJobs, jobs }: LedgerSums): Energy | undefined {
  if (meteredMs < LEAST_MS) return undefined;
  return { wattHours: energyJ / JOULES_PER_WATT_HOUR, known: meteredJobs, jobs };
}
