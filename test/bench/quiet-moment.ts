import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const WATCH_MS = 300;
const QUIET_SHARE = 0.75;
const PATIENCE_MS = 20_000;

/**
 * Resolves when the machine has little else to do, with the share of its processors that were idle then; after 20 s
 * with what there is, because some machines never rest. NaN where the system does not tell (it is Linux that does).
 */
export async function quietMoment(): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const before = readTimes();
    await pause(WATCH_MS);
    const after = readTimes();
    const idle = (after.idle - before.idle) / (after.all - before.all);
    if (Number.isNaN(idle) || idle >= QUIET_SHARE || performance.now() > deadline) return idle;
  }
}

function readTimes(): { idle: number; all: number } {
  try {
    const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.trim().split(/\s+/).slice(1).map(Number) ?? [];
    const [, , , idle = 0, waiting = 0] = fields;
    return { idle: idle + waiting, all: fields.reduce((sum, field) => sum + field, 0) };
  } catch {
    return { idle: Number.NaN, all: Number.NaN };
  }
}
