import { type Presence, UNKNOWN } from '../../shared/preferences/presence.ts';
import type { ElectronSurface } from '../surface.ts';

export type PowerSensor = {
  /** Without heat where Electron does not tell it, and another sensor may. */
  read(): Pick<Presence, 'idle_s' | 'locked' | 'power' | 'suspending'> & Partial<Pick<Presence, 'heat'>>;
};

export type PowerSensorOptions = {
  powerMonitor: ElectronSurface['powerMonitor'];
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  /** Called at once when something changes that the system tells of. */
  onEvent(): void;
};

/** Any will do for the one question whether the screen is locked. */
const IDLE_THRESHOLD_S = 60;

/**
 * What the system tells of power and person. Unknown is: idle time under Wayland, where the answer is 0 or wrong;
 * whether the screen is locked on Linux, unless it is. Heat is told on macOS alone.
 */
export function createPowerSensor({ powerMonitor, platform, env, onEvent }: PowerSensorOptions): PowerSensor {
  let suspending = false;
  let lockSeen: boolean | undefined;
  let heatSeen: ReturnType<typeof powerMonitor.getCurrentThermalState> | undefined;
  const note = (change: () => void) => (): void => {
    change();
    onEvent();
  };
  powerMonitor.on(
    'suspend',
    note(() => (suspending = true)),
  );
  powerMonitor.on(
    'resume',
    note(() => (suspending = false)),
  );
  powerMonitor.on(
    'lock-screen',
    note(() => (lockSeen = true)),
  );
  powerMonitor.on(
    'unlock-screen',
    note(() => (lockSeen = false)),
  );
  // Linux has neither: there the state is read with the others.
  powerMonitor.on('on-battery', onEvent);
  powerMonitor.on('on-ac', onEvent);
  powerMonitor.on('thermal-state-change', ({ state }) => {
    heatSeen = state as typeof heatSeen;
    onEvent();
  });
  const isWayland = platform === 'linux' && (env.XDG_SESSION_TYPE === 'wayland' || env.WAYLAND_DISPLAY !== undefined);

  const locked = (): Presence['locked'] => {
    if (powerMonitor.getSystemIdleState(IDLE_THRESHOLD_S) === 'locked') return true;
    return lockSeen ?? (platform === 'linux' ? UNKNOWN : false);
  };
  const heat = (): Presence['heat'] => {
    const state = heatSeen ?? powerMonitor.getCurrentThermalState();
    if (state === 'unknown') return UNKNOWN;
    return state === 'serious' || state === 'critical' ? 'hot' : 'normal';
  };
  return {
    read: () => ({
      idle_s: isWayland ? UNKNOWN : powerMonitor.getSystemIdleTime(),
      locked: locked(),
      power: powerMonitor.isOnBatteryPower() ? 'battery' : 'mains',
      ...(platform === 'darwin' ? { heat: heat() } : {}),
      suspending,
    }),
  };
}
