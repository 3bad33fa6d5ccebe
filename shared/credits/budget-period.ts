/** How long a period of a budget is: seconds, minutes, hours, days, weeks or months, as LiteLLM spells them. */
export const BUDGET_DURATION = '^[1-9][0-9]{0,3}(s|m|h|d|w|mo)$';

/** In milliseconds since 1970; `renewsAt` is the first that belongs to the next period, and null where there is none. */
export type BudgetPeriod = { readonly startsAt: number; readonly renewsAt: number | null };

const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS };
/** The first Monday: weeks begin there. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/**
 * The period in which a time lies. Periods follow the calendar of UTC and need no memory: `1d` begins at midnight, `1w` on
 * Monday, `1mo` on the first; longer ones are counted from 1970. Without a duration the period is for ever.
 */
export function periodAt(duration: string | null, at: number): BudgetPeriod {
  if (duration === null) return { startsAt: 0, renewsAt: null };
  const [, count = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(duration) ?? [];
  if (unit === 'mo') return monthsAt(Number(count), at);
  const lengthMs = Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  if (!Number.isSafeInteger(lengthMs)) throw new RangeError(`"${duration}" is no duration of a budget`);
  const fromMs = unit === 'w' ? FIRST_MONDAY_MS : 0;
  const startsAt = Math.floor((at - fromMs) / lengthMs) * lengthMs + fromMs;
  return { startsAt, renewsAt: startsAt + lengthMs };
}

function monthsAt(count: number, at: number): BudgetPeriod {
  const date = new Date(at);
  const months = (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
  const first = Math.floor(months / count) * count;
  return { startsAt: Date.UTC(1970, first), renewsAt: Date.UTC(1970, first + count) };
}
