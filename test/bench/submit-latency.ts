import { runClockedLoad } from './clocked-load.ts';
import { AT_ONCE, JOB } from './durable-jobs.ts';
import { type Figure, figureOf } from './figure.ts';
import { loadOf } from './load.ts';
import type { RelayPool } from './relay-pool.ts';

const PEAK_SECONDS = 3;
const SECONDS = 10;
const MOST_MS = 15;

/**
 * How long a submission waits for its 202, which is said once the job is on the disk, while jobs come at half the rate that
 * the relay sustains from submission to result. They come by the clock, however long answers take, and each time counts
 * from the moment it was due.
 */
export async function submitLatency(pool: RelayPool): Promise<Figure[]> {
  await loadOf(pool.waitedJobs, JOB, AT_ONCE, PEAK_SECONDS);
  const peakPerS = (await loadOf(pool.waitedJobs, JOB, AT_ONCE, PEAK_SECONDS)).requestsPerSecond;
  const perS = peakPerS / 2;
  const body = JSON.stringify(JOB);
  const { timesMs, latestTickMs } = await runClockedLoad({ ...pool.jobs, body, status: 202, perS, seconds: SECONDS });
  const share = (part: number): number =>
    timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * part))] ?? Number.NaN;
  const detail = {
    peakPerS,
    perS,
    medianMs: share(0.5),
    p999Ms: share(0.999),
    mostMs: share(1),
    latestTickMs,
  };
  return [figureOf('submit-p99', share(0.99), 'ms', { atMost: MOST_MS }, detail)];
}
