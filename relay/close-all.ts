import type { RelayLog } from './log.ts';

/**
 * Runs every step, one after the other. One that fails is told and keeps none of the others from running: what stays open would
 * keep the process alive, and its bus with it.
 */
export async function closeAll(steps: Iterable<() => unknown>, log: Pick<RelayLog, 'error'>): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      log.error({ err: error }, 'a part of the relay did not close as it should');
    }
  }
}
