import { createSteadyClock } from '../clock/steady-clock.ts';
import type { YieldCode, Yielding } from './contribution.ts';

/** What has passed must stay away this long, so that a menu between two levels does not load models for a moment. */
const CALM_MS = 5_000;
/** Reasons that come and go by themselves; what a person or a clock says holds at once. */
const PASSING: ReadonlySet<YieldCode> = new Set(['game', 'full_screen', 'heat', 'gpu_busy', 'sleep']);

/** Keeps a reason that passes by itself until it has been away for a while. */
export function createCalm(now: () => number): (next: Yielding | undefined) => Yielding | undefined {
  const steady = createSteadyClock(now);
  let held: Yielding | undefined;
  let calmSince: number | undefined;
  return (next) => {
    if (next === undefined && held !== undefined && PASSING.has(held.code)) {
      calmSince ??= steady();
      if (steady() - calmSince < CALM_MS) return held;
    }
    calmSince = undefined;
    held = next;
    return next;
  };
}
