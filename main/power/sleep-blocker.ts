import type { ElectronSurface } from '../surface.ts';

export type SleepBlocker = { hold(isWanted: boolean): void };

/** Keeps the machine awake while it is told to, and holds at most one blocker for it. */
export function createSleepBlocker(blocker: ElectronSurface['powerSaveBlocker']): SleepBlocker {
  let held: number | undefined;
  return {
    hold: (isWanted) => {
      if (isWanted) held ??= blocker.start('prevent-app-suspension');
      else if (held !== undefined) {
        blocker.stop(held);
        held = undefined;
      }
    },
  };
}
