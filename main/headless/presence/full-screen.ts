import { type Presence, UNKNOWN } from '../../../shared/preferences/presence.ts';
import { programOutput } from '../program-output.ts';

const PROGRAM_TIMEOUT_MS = 1_000;

export type FullScreenOptions = {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  /** Asks a program of the system; for tests. */
  ask?: (program: string, args: readonly string[]) => Promise<string | null>;
};

/**
 * Whether the window in front fills the screen: known only under X11 with `xprop`. Wayland tells no program of another's
 * windows; on Windows and macOS it takes native code that this app does not have.
 */
export async function readFullScreen({
  platform,
  env,
  ask = askSystem,
}: FullScreenOptions): Promise<Presence['full_screen']> {
  const isX11 = platform === 'linux' && env.DISPLAY !== undefined && env.WAYLAND_DISPLAY === undefined;
  if (!isX11) return UNKNOWN;
  const root = await ask('xprop', ['-root', '_NET_ACTIVE_WINDOW']);
  if (root === null) return UNKNOWN;
  const window = /# (0x[\da-f]+)/.exec(root)?.[1];
  if (window === undefined || window === '0x0') return false;
  const state = await ask('xprop', ['-id', window, '_NET_WM_STATE']);
  return state === null ? UNKNOWN : state.includes('_NET_WM_STATE_FULLSCREEN');
}

function askSystem(program: string, args: readonly string[]): Promise<string | null> {
  return programOutput(program, args, PROGRAM_TIMEOUT_MS);
}
