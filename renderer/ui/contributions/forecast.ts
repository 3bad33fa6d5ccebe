import type { LedgerDay } from '../../../shared/ipc/ledger-views.ts';
import { noonOf } from './every-day.ts';

/** What a day is likely to bring, and what the last whole one brought. `days` is how many the guess is made of. */
export type Forecast = {
  readonly days: number;
  readonly tokens: number;
  readonly credits: number;
  readonly lastTokens: number;
  readonly lastCredits: number;
};

/** A mean of fewer says more of chance than of the machine. */
const LEAST_DAYS = 3;
const MOST_DAYS = 7;

/**
 * The mean of the last whole days, at most a week of them and those without work among them; undefined before there are
 * three. Today is none of them: it is not over. Pure.
 */
export function forecastOf(days: readonly LedgerDay[], now: number): Forecast | undefined {
  const known = new Map(days.map((day) => [noonOf(day.day).getTime(), day]));
  const first = Math.min(...known.keys());
  const past: (LedgerDay | undefined)[] = [];
  const day = new Date(now);
  day.setHours(12, 0, 0, 0);
  while (past.length < MOST_DAYS) {
    day.setDate(day.getDate() - 1);
    if (day.getTime() < first || known.size === 0) break;
    past.push(known.get(day.getTime()));
  }
  if (past.length < LEAST_DAYS) return undefined;
  const mean = (of: (day: LedgerDay) => number): number =>
    past.reduce((sum, each) => sum + (each === undefined ? 0 : of(each)), 0) / past.length;
  return {
    days: past.length,
    tokens: mean(({ outputTokens }) => outputTokens),
    credits: mean(({ credits }) => credits),
    lastTokens: past[0]?.outputTokens ?? 0,
    lastCredits: past[0]?.credits ?? 0,
  };
}
