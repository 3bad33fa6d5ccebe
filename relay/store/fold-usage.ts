import { repeatHourly } from '../hourly.ts';
import type { RelayLog } from '../log.ts';
import type { UsageStore } from './usage-store.ts';

/** The whole days before today whose hours are still told apart, so that the last 48 hours always are. */
export const DAYS_OF_HOURS = 2;

const DAY_MS = 86_400_000;

export type FoldUsagePorts = {
  store: UsageStore;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
};

/**
 * Puts the hours of past days together, at the start and every hour, so that the sums of a year are no larger than those of
 * its days. Returns how to stop.
 */
export function foldUsage({ store, now, log }: FoldUsagePorts): () => Promise<void> {
  let foldedDay: number | undefined;
  const fold = async (): Promise<void> => {
    const beforeDay = Math.floor(now() / DAY_MS) - DAYS_OF_HOURS;
    if (beforeDay === foldedDay) return;
    await store.foldHours(beforeDay);
    foldedDay = beforeDay;
  };
  return repeatHourly(fold, (error) => log.error({ err: error }, 'hours of usage could not be put together'));
}
