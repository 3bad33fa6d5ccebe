import type { LedgerDay } from '../../../shared/ipc/ledger-views.ts';

/** What `known` of the jobs took. */
export type Energy = { readonly wattHours: number; readonly known: number; readonly jobs: number };

/** Readings are two seconds apart, and less work than this says more of a card's mood than of what jobs take. */
const LEAST_MS = 10 * 60_000;
const JOULES_PER_WATT_HOUR = 3_600;

/** The energy of these days; undefined before ten minutes of work were measured. Pure. */
export function energyOf(days: readonly LedgerDay[]): Energy | undefined {
  const sum = (of: (day: LedgerDay) => number): number => days.reduce((total, day) => total + of(day), 0);
  if (sum(({ meteredMs }) => meteredMs) < LEAST_MS) return undefined;
  const wattHours = sum(({ energyJ }) => energyJ) / JOULES_PER_WATT_HOUR;
  return { wattHours, known: sum(({ meteredJobs }) => meteredJobs), jobs: sum(({ jobs }) => jobs) };
}
