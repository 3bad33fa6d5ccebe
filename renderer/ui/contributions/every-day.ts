import type { LedgerDay } from '../../../shared/ipc/ledger-views.ts';

/** Days in a row: seconds since 1970 at noon, tokens of each, and the credits of all up to each. */
export type DayRows = { times: number[]; tokens: number[]; credits: number[] };

/** The days from the first to the last, those without work among them. Pure. */
export function everyDay(days: readonly LedgerDay[]): DayRows {
  const known = new Map(days.map((day) => [noonOf(day.day).getTime(), day]));
  const all = [...known.keys()];
  const rows: DayRows = { times: [], tokens: [], credits: [] };
  const last = Math.max(...all);
  let credits = 0;
  for (const day = new Date(Math.min(...all)); day.getTime() <= last; day.setDate(day.getDate() + 1)) {
    const found = known.get(day.getTime());
    credits += found?.credits ?? 0;
    rows.times.push(day.getTime() / 1_000);
    rows.tokens.push(found?.outputTokens ?? 0);
    rows.credits.push(credits);
  }
  return rows;
}

/** Noon exists on every day of every time zone. */
export function noonOf(day: string): Date {
  return new Date(`${day}T12:00`);
}
