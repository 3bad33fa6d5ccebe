import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How long an event loop was kept from its next turn, in milliseconds. */
export type LoopWatch = {
  start(): void;
  /** By the clock, which also counts the time in which others had the processor. */
  stalledMs(): number;
};

const RESOLUTION_MS = 1;

export function watchLoop(): LoopWatch {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  return {
    start: () => {
      delay.reset();
      delay.enable();
    },
    stalledMs: () => {
      delay.disable();
      return delay.max / 1e6 - RESOLUTION_MS;
    },
  };
}

/**
 * The same by the processor time that the thread spent in its longest turn, which is what the clock would show if no one
 * else were there. Keeps the loop turning, so that times by the clock are not to be taken meanwhile.
 */
export function watchTurns(): LoopWatch {
  let mostMs = 0;
  let before = 0;
  let isWatching = false;
  const turn = (): void => {
    const now = threadMs();
    mostMs = Math.max(mostMs, now - before);
    before = now;
    if (isWatching) setImmediate(turn);
  };
  return {
    start: () => {
      isWatching = true;
      mostMs = 0;
      before = threadMs();
      setImmediate(turn);
    },
    stalledMs: () => {
      isWatching = false;
      return mostMs;
    },
  };
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
