import type { PowerDraw } from '../power-draw.ts';

/** What was read, and when. */
export type Reading = PowerDraw & { readonly at: number };
/** What a device draws while no job of this node computes, in watts; null where that was not seen. */
export type Rest = { readonly gpuWatts: number | null; readonly cpuWatts: number | null };
/** When a job computed, in milliseconds; null while it still does. */
export type Span = { readonly beganAt: number; readonly endedAt: number | null };

/** How long a job computed between two moments. Pure. */
export function overlapMs({ beganAt, endedAt }: Span, from: number, to: number): number {
  return Math.max(0, Math.min(endedAt ?? to, to) - Math.max(beganAt, from));
}

/**
 * What cards took for jobs between two readings, beyond their rest. A reading while a job runs holds back to the one before, and
 * where none ran any more, the one before holds until the last has ended; null where nobody looked while one ran. Pure.
 */
export function gpuExcessJoules(
  jobs: readonly Span[],
  before: Reading,
  after: Reading,
  { gpuWatts: rest }: Rest,
): number | null {
  const seen = [after, before].find(({ at }) => jobs.some((job) => runsAt(job, at)));
  if (rest === null || seen === undefined || seen.gpuWatts === null) return null;
  return ((seen.gpuWatts - rest) * unionMs(jobs, before.at, after.at)) / 1_000;
}

/** What processors took between two readings beyond their rest: their counters miss nothing in between. Pure. */
export function cpuExcessJoules(before: Reading, after: Reading, { cpuWatts: rest }: Rest): number | null {
  if (rest === null || before.cpuJoules === null || after.cpuJoules === null) return null;
  return after.cpuJoules - before.cpuJoules - (rest * (after.at - before.at)) / 1_000;
}

/** The mean of what was seen; null where it never was. Pure. */
export function meanRest(rests: readonly Rest[]): Rest {
  return { gpuWatts: meanOf(rests.map((rest) => rest.gpuWatts)), cpuWatts: meanOf(rests.map((rest) => rest.cpuWatts)) };
}

/** What no job of this node was in. Pure. */
export function restBetween(before: Reading, after: Reading): Rest {
  const joules = before.cpuJoules === null || after.cpuJoules === null ? null : after.cpuJoules - before.cpuJoules;
  const cpuWatts = joules === null ? null : (joules * 1_000) / (after.at - before.at);
  return { gpuWatts: after.gpuWatts, cpuWatts };
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function runsAt({ beganAt, endedAt }: Span, at: number): boolean {
  return beganAt < at && (endedAt === null || endedAt >= at);
}

/** The time in which at least one computed. */
function unionMs(jobs: readonly Span[], from: number, to: number): number {
  let [sum, until] = [0, from];
  for (const { beganAt, endedAt } of jobs.toSorted((a, b) => a.beganAt - b.beganAt)) {
    const end = Math.min(endedAt ?? to, to);
    sum += Math.max(0, end - Math.max(beganAt, until));
    until = Math.max(until, end);
  }
  return sum;
}
