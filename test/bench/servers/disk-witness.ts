/** Thread of `disk-witness.ts`: blocks for every write, as a database does. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Stall, WitnessData } from '../disk-witness.ts';

const PAUSE_MS = 2;
const PAGE = Buffer.alloc(4_096, 1);
const { file, isOver, leastMs } = workerData as WitnessData;
const stalls: Stall[] = [];
const now = (): number => performance.timeOrigin + performance.now();
const fd = openSync(file, 'w');
while (Atomics.wait(isOver, 0, 0, PAUSE_MS) === 'timed-out') {
  const fromMs = now();
  writeSync(fd, PAGE);
  fdatasyncSync(fd);
  const untilMs = now();
  if (untilMs - fromMs >= leastMs) stalls.push({ fromMs, untilMs });
}
closeSync(fd);
parentPort?.postMessage(stalls);
