import type { Presence } from '../../shared/preferences/presence.ts';
import { watchPresence } from '../headless/presence/watch-presence.ts';
import { createPowerSensor } from '../power/power-sensor.ts';
import type { BootSteps } from './boot-steps.ts';
import type { DesktopHost } from './desktop-host.ts';

export type MachineWatcher = { isComputing(): boolean; doesMeteredMatter(): boolean; onChange(): void };

/** All that is seen of the machine, its power and its person. */
export function watchMachine(host: DesktopHost, steps: BootSteps, watcher: MachineWatcher) {
  const { isComputing, doesMeteredMatter, onChange } = watcher;
  const { electron, platform, env, now } = host;
  const { powerMonitor, app } = electron;
  const power = steps.run('watch power and person', () =>
    createPowerSensor({ powerMonitor, platform, env, onEvent: () => void presence.look() }),
  );
  const ownProcesses = () => ({ own: new Set(app.getAppMetrics().map(({ pid }) => pid)) });
  // Electron tells of the battery on every system.
  const wants = (part: keyof Presence): boolean => part !== 'power';
  const presence = steps.run('watch what runs', () => {
    const sensors = host.sensors({ platform, env, ownProcesses, isComputing, doesMeteredMatter, wants, now });
    return watchPresence(sensors, power.read, onChange, now);
  });
  return presence;
}
