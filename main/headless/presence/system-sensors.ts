import type { Presence } from '../../../shared/preferences/presence.ts';
import { readPower } from './battery.ts';
import { readFullScreen } from './full-screen.ts';
import { readOtherGpuLoad } from './gpu-load.ts';
import { createHeatReader } from './heat.ts';
import { readMetered } from './metered.ts';
import { hearNetworkManager } from './network-events.ts';
import type { OwnProcesses } from './own-processes.ts';
import { readPrograms } from './programs.ts';
import type { Sensor } from './watch-presence.ts';

export type SystemSensorsOptions = {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  ownProcesses: () => OwnProcesses | undefined;
  isComputing: () => boolean;
  /** Whether a network that becomes metered has to be noticed soon. */
  doesMeteredMatter: () => boolean;
  /** Whether this is asked at all now; what is not stays unknown. Everything is when absent. */
  wants?: (part: keyof Presence) => boolean;
  now?: () => number;
  sysfsRoot?: string;
};

/** A game is to be noticed well within the two seconds in which the machine yields. */
const SOON_MS = 1_000;
/** Starting a program of the system costs some of the machine. */
const NOW_AND_THEN_MS = 1_500;
const SELDOM_MS = 30_000;
/** A program that was not there may be installed, or was only too slow to answer once. */
const BLIND_MS = 10_000;

/** The sensors of this system; each says `unknown` where it cannot see. */
export function systemSensors(options: SystemSensorsOptions): Sensor[] {
  const { platform, env, ownProcesses, isComputing, wants = () => true, now = Date.now } = options;
  const root = options.sysfsRoot === undefined ? {} : { sysfsRoot: options.sysfsRoot };
  const readHeat = createHeatReader({ platform, now, ...root });
  return [
    {
      isWanted: () => wants('programs') || wants('game'),
      everyMs: platform === 'linux' ? SOON_MS : NOW_AND_THEN_MS,
      read: async () => {
        const { names, game } = await readPrograms(platform);
        return { programs: names, game };
      },
    },
    {
      isWanted: () => wants('power'),
      everyMs: platform === 'linux' ? SOON_MS : NOW_AND_THEN_MS,
      everyMsWhenBlind: BLIND_MS,
      read: async () => ({ power: await readPower({ platform, ...root }) }),
    },
    {
      isWanted: () => wants('heat'),
      everyMs: NOW_AND_THEN_MS,
      everyMsWhenBlind: BLIND_MS,
      read: async () => ({ heat: await readHeat() }),
    },
    {
      isWanted: () => wants('full_screen'),
      everyMs: SOON_MS,
      everyMsWhenBlind: BLIND_MS,
      read: async () => ({ full_screen: await readFullScreen({ platform, env }) }),
    },
    {
      isWanted: () => wants('other_gpu_percent'),
      everyMs: NOW_AND_THEN_MS,
      everyMsWhenBlind: BLIND_MS,
      read: async () => ({
        other_gpu_percent: await readOtherGpuLoad({
          platform,
          processes: ownProcesses(),
          isComputing: isComputing(),
          ...root,
        }),
      }),
    },
    { ...meteredSensor(options), isWanted: () => wants('metered') },
  ];
}

/** Asked when the system says that something has changed; where it does not, soon again while that matters. */
function meteredSensor({ platform, doesMeteredMatter }: SystemSensorsOptions): Sensor {
  let isTold = (): boolean => false;
  return {
    everyMs: () => (doesMeteredMatter() && !isTold() ? NOW_AND_THEN_MS : SELDOM_MS),
    everyMsWhenBlind: SELDOM_MS,
    read: async () => ({ metered: await readMetered(platform) }),
    watch: (changed) => {
      if (platform !== 'linux') return () => undefined;
      const events = hearNetworkManager(changed);
      isTold = events.isTold;
      return events.close;
    },
  };
}
