import { setTimeout as pause } from 'node:timers/promises';
import { timeOfAnswer } from './ask.ts';
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
  const times = await timesAtRate(pool, perS);
  times.sort((a, b) => a - b);
  const share = (part: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.NaN;
  const detail = {
    peakPerS,
    perS: times.length / SECONDS,
    medianMs: share(0.5),
    p999Ms: share(0.999),
    mostMs: share(1),
  };
  return [figureOf('submit-p99', share(0.99), 'ms', { atMost: MOST_MS }, detail)];
}

async function timesAtRate(pool: RelayPool, perS: number): Promise<number[]> {
  const begin = performance.now();
  const times: Promise<number>[] = [];
  const submit = async (dueAt: number): Promise<number> => {
    const lateMs = performance.now() - dueAt;
    return lateMs + (await timeOfAnswer(pool.jobs, JOB, 202));
  };
  while (performance.now() - begin < SECONDS * 1_000) {
    const due = Math.floor(((performance.now() - begin) * perS) / 1_000);
    for (let number = times.length; number < due; number++) times.push(submit(begin + (number * 1_000) / perS));
    await pause(1);
  }
  return Promise.all(times);
}
