import { type ClockedTimes, runClockedLoad } from './clocked-load.ts';
import { type Stall, startDiskWitness } from './disk-witness.ts';
import { AT_ONCE, JOB } from './durable-jobs.ts';
import { type Figure, figureOf } from './figure.ts';
import { loadOf } from './load.ts';
import type { RelayPool } from './relay-pool.ts';

const PEAK_SECONDS = 3;
const SECONDS = 10;
const MOST_MS = 15;
/** A third of what a submission may take. */
const STALL_MS = 5;

/**
 * How long a submission waits for its 202, which is said once the job is on the disk, while jobs come at half the rate that
 * the relay sustains from submission to result. They come by the clock, however long answers take, and each time counts
 * from the moment it was due. Told twice: of all, and of those that came while the disk took pages of a bare writer too.
 */
export async function submitLatency(pool: RelayPool): Promise<Figure[]> {
  await loadOf(pool.waitedJobs, JOB, AT_ONCE, PEAK_SECONDS);
  const peakPerS = (await loadOf(pool.waitedJobs, JOB, AT_ONCE, PEAK_SECONDS)).requestsPerSecond;
  const load = { ...pool.jobs, body: JSON.stringify(JOB), status: 202, perS: peakPerS / 2, seconds: SECONDS };
  const witness = startDiskWitness(STALL_MS);
  const times = await runClockedLoad(load).catch(async (error) => {
    await witness.stop();
    throw error;
  });
  const stalls = await witness.stop();
  const all = sharesOf(times.timesMs);
  const kept = sharesOf(timesApartFrom(stalls, times, load.perS));
  const detail = { peakPerS, perS: load.perS, latestTickMs: times.latestTickMs };
  const longestStallMs = Math.max(0, ...stalls.map(({ fromMs, untilMs }) => untilMs - fromMs));
  return [
    figureOf('submit-p99', all.p99Ms, 'ms', { atMost: MOST_MS }, { ...detail, ...all }),
    figureOf(
      'submit-p99 while the disk keeps up',
      kept.p99Ms,
      'ms',
      { atMost: MOST_MS },
      {
        ...kept,
        share: kept.count / all.count,
        stalls: stalls.length,
        longestStallMs,
      },
    ),
  ];
}

/** Without those that were due in a stall or as long again after it: at half the peak rate its queue is gone by then. */
function timesApartFrom(stalls: readonly Stall[], { timesMs, beganAtMs }: ClockedTimes, perS: number): number[] {
  return timesMs.filter((_, number) => {
    const dueAtMs = beganAtMs + (number * 1_000) / perS;
    return !stalls.some(({ fromMs, untilMs }) => dueAtMs >= fromMs - STALL_MS && dueAtMs <= 2 * untilMs - fromMs);
  });
}

function sharesOf(timesMs: readonly number[]) {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { count: sorted.length, medianMs: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), mostMs: at(1) };
}
