import { programOutput } from '../headless/program-output.ts';

const PROGRAM_TIMEOUT_MS = 2_000;
const NAMES = ['--user', '--no-pager', '--no-legend', '--acquired', 'list'];

/** Whether a Linux desktop has a place for tray icons, which Electron does not tell; undefined where that cannot be asked. */
export async function hasTrayPlace(
  platform: NodeJS.Platform,
  ask = (program: string, args: readonly string[]) => programOutput(program, args, PROGRAM_TIMEOUT_MS),
): Promise<boolean | undefined> {
  if (platform !== 'linux') return true;
  const names = await ask('busctl', NAMES);
  return names === null ? undefined : names.includes('org.kde.StatusNotifierWatcher');
}
