import { readFullScreen } from './full-screen.ts';
import { readOtherGpuLoad } from './gpu-load.ts';
import { readMetered } from './metered.ts';
import { readPrograms } from './programs.ts';
import type { Sensor } from './watch-presence.ts';

export type SystemSensorsOptions = {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  ownProcesses: () => ReadonlySet<number>;
  isComputing: () => boolean;
};

/** A game is to be noticed well within the two seconds in which the machine yields. */
const SOON_MS = 1_000;
/** Starting a program of the system costs some of the machine. */
const NOW_AND_THEN_MS = 1_500;
const SELDOM_MS = 30_000;
/** A program that was not there may be installed, or was only too slow to answer once. */
const BLIND_MS = 10_000;

/** The sensors of this system; each says `unknown` where it cannot see. */
export function systemSensors({ platform, env, ownProcesses, isComputing }: SystemSensorsOptions): Sensor[] {
  return [
    {
      everyMs: platform === 'linux' ? SOON_MS : NOW_AND_THEN_MS,
      read: async () => {
        const { names, game } = await readPrograms(platform);
        return { programs: names, game };
      },
    },
    {
      everyMs: SOON_MS,
      everyMsWhenBlind: BLIND_MS,
      read: async () => ({ full_screen: await readFullScreen({ platform, env }) }),
    },
    {
      everyMs: NOW_AND_THEN_MS,
      everyMsWhenBlind: BLIND_MS,
      read: async () => ({
        other_gpu_percent: await readOtherGpuLoad({
          platform,
          ownProcesses: ownProcesses(),
          isComputing: isComputing(),
        }),
      }),
    },
    { everyMs: SELDOM_MS, read: async () => ({ metered: await readMetered(platform) }) },
  ];
}
