import type { RelayLog } from './log.ts';

export type ClockWatchPorts = {
  /** Milliseconds since 1970. */
  now: () => number;
  /** Milliseconds, monotonic. */
  clock?: () => number;
  /** When the relay last signed the head of its log, by the clock of then. */
  lastSignedAt: number | undefined;
  log: RelayLog;
};

const LOOK_EVERY_MS = 10_000;
/** More than a time server corrects at a time, and than a machine that pages stands still. */
const TOLD_FROM_MS = 60_000;

/**
 * Tells the operator what explains much else: that the clock of this machine was set, or that it slept, or that it shows a time
 * at which the relay has already been. What is under way goes on by timers; what is kept goes by the clock on the wall.
 * Returns how to stop.
 */
export function watchClock(ports: ClockWatchPorts): () => void {
  const { now, clock = () => performance.now(), lastSignedAt = 0, log } = ports;
  const behindMs = lastSignedAt - now();
  if (behindMs > TOLD_FROM_MS) {
    const seconds = Math.round(behindMs / 1_000);
    log.warn(
      { seconds },
      'the clock of this machine is behind the last receipts of this relay: look whether it is right',
    );
  }
  let offset = now() - clock();
  const timer = setInterval(() => {
    const leaptMs = now() - clock() - offset;
    if (Math.abs(leaptMs) < TOLD_FROM_MS) return;
    offset += leaptMs;
    const what = leaptMs > 0 ? 'was set forward, or it slept' : 'was set back';
    log.warn({ seconds: Math.round(leaptMs / 1_000) }, `the clock of this machine ${what}: look whether it is right`);
  }, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}
