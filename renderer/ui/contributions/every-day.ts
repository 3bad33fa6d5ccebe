import type { LedgerDay } from '../../../shared/ipc/ledger-views.ts';

/** The days from the first to the last, those without work among them: seconds since 1970 at noon, and tokens. Pure. */
export function everyDay(days: readonly LedgerDay[]): { times: number[]; tokens: number[] } {
  const known = new Map(days.map(({ day, outputTokens }) => [noonOf(day).getTime(), outputTokens]));
  const all = [...known.keys()];
  const times: number[] = [];
  const tokens: number[] = [];
  const last = Math.max(...all);
  for (const day = new Date(Math.min(...all)); day.getTime() <= last; day.setDate(day.getDate() + 1)) {
    times.push(day.getTime() / 1_000);
    tokens.push(known.get(day.getTime()) ?? 0);
  }
  return { times, tokens };
}

/** Noon exists on every day of every time zone. */
function noonOf(day: string): Date {
  return new Date(`${day}T12:00`);
}
