import type { UsageRow } from '../../../shared/api/usage.ts';

export type UsageUnit = 'day' | 'hour';
export type UsageGroup = 'key' | 'model' | 'node';

/** Usage as it is drawn: a place for every day or hour, also for those in which nothing was. */
export type UsageTable = {
  readonly unit: UsageUnit;
  readonly group: UsageGroup | undefined;
  /** When each began, in seconds since 1970. */
  readonly times: readonly number[];
  readonly rows: readonly UsageRow[];
  /** Who or what used most, most first; one without a name where nothing is told apart. */
  readonly groups: readonly UsageSeries[];
};

export type UsageSeries = {
  /** Undefined for all that have no bars of their own. */
  readonly id: string | undefined;
  readonly jobs: readonly number[];
  readonly failed: readonly number[];
  readonly tokens: readonly number[];
};

export const HOURS_SHOWN = 48;
export const SECONDS_OF: Readonly<Record<UsageUnit, number>> = { day: 86_400, hour: 3_600 };
/** More colours than these nobody tells apart. */
const GROUPS_SHOWN = 5;

export type UsageView = { unit: UsageUnit; group: UsageGroup | undefined; now: number };

export function usageTable(all: readonly UsageRow[], { unit, group, now }: UsageView): UsageTable {
  const since = unit === 'hour' ? now / 1_000 - HOURS_SHOWN * SECONDS_OF.hour : 0;
  const rows = all.filter((row) => timeOf(row) > since);
  const times = everyTime(rows.map(timeOf), SECONDS_OF[unit]);
  const byId = [...Map.groupBy(rows, (row) => (group === undefined ? undefined : (row[group] ?? '')))];
  const sized = byId.map(([id, of]) => ({ id, of, size: of.reduce((sum, row) => sum + tokensOf(row) + row.jobs, 0) }));
  sized.sort((one, other) => other.size - one.size);
  const rest = sized.slice(GROUPS_SHOWN).flatMap(({ of }) => of);
  const shown = sized.slice(0, GROUPS_SHOWN).map(({ id, of }) => seriesOf(id, of, times));
  return { unit, group, times, rows, groups: rest.length === 0 ? shown : [...shown, seriesOf(undefined, rest, times)] };
}

/** Seconds since 1970. */
export function timeOf({ hour, day }: UsageRow): number {
  return Date.parse(hour ?? day ?? '') / 1_000;
}

function everyTime(found: readonly number[], step: number): number[] {
  if (found.length === 0) return [];
  const first = Math.min(...found);
  return Array.from({ length: (Math.max(...found) - first) / step + 1 }, (_, at) => first + at * step);
}

function seriesOf(id: string | undefined, rows: readonly UsageRow[], times: readonly number[]): UsageSeries {
  const byTime = Map.groupBy(rows, timeOf);
  const sum = (value: (row: UsageRow) => number): number[] =>
    times.map((time) => (byTime.get(time) ?? []).reduce((total, row) => total + value(row), 0));
  return { id, jobs: sum((row) => row.jobs), failed: sum((row) => row.failed), tokens: sum(tokensOf) };
}

function tokensOf({ input_tokens: input, output_tokens: output }: UsageRow): number {
  return input + output;
}
