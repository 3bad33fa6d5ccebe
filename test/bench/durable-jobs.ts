import { startBareBus } from './bare-bus.ts';
import { type BullQueue, startBullQueue, whyNoBullQueue } from './bull-queue.ts';
import { type Figure, figureOf } from './figure.ts';
import { loadOf } from './load.ts';
import type { RelayPool } from './relay-pool.ts';
import { interleave } from './rounds.ts';
import { targetOf } from './target.ts';

export const AT_ONCE = 64;
const SECONDS = 2;
export const JOB = {
  service: 'llm/inference',
  model: 'test/noop',
  input: {
    messages: [
      { role: 'system', content: 'Answer in one word.' },
      { role: 'user', content: 'What is the capital of France, and what is 17 + 25?' },
    ],
  },
};

/**
 * Jobs that are done later, from submission until the result was read, one request each (`Prefer: wait`), 64 at a time
 * from one client process: each is on the relay's disk before it runs, and its result before it is told. Against BullMQ
 * doing the same on a Redis that keeps nothing on the disk, and against a server that only asks a responder over NATS.
 */
export async function durableJobs(pool: RelayPool): Promise<Figure[]> {
  const bare = await startBareBus();
  const missing = whyNoBullQueue();
  const bull = missing === undefined ? await startBullQueue(AT_ONCE) : undefined;
  if (missing !== undefined) console.error(`Without BullMQ: ${missing}.`);
  try {
    const sides = await interleave(4, {
      jobsPerS: async () => (await loadOf(pool.waitedJobs, JOB, AT_ONCE, SECONDS)).requestsPerSecond,
      barePerS: async () => (await loadOf(targetOf(bare.url), JOB, AT_ONCE, SECONDS)).requestsPerSecond,
      bullPerS: async () => (bull === undefined ? Number.NaN : rateOf(bull)),
    });
    const { jobsPerS, barePerS, bullPerS } = sides;
    const detail = { atOnce: AT_ONCE, ...sides };
    const toBare = figureOf('jobs-to-bare-bus', jobsPerS / barePerS, 'ratio', { atLeast: 0.65 }, detail);
    if (bull === undefined) return [toBare];
    return [figureOf('jobs-to-bullmq', jobsPerS / bullPerS, 'ratio', { atLeast: 2.5 }, detail), toBare];
  } finally {
    await Promise.all([bare.stop(), bull?.stop()]);
  }
}

/** Jobs per second of clients that each wait for one result before they add the next job. */
async function rateOf({ run }: BullQueue): Promise<number> {
  const start = performance.now();
  const end = start + SECONDS * 1_000;
  let done = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      await run(JOB);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return (done * 1_000) / (performance.now() - start);
}
