import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Presence, UNKNOWN } from '../../../shared/preferences/presence.ts';
import { programOutput } from '../program-output.ts';

const PROGRAM_TIMEOUT_MS = 1_500;

export type BatteryOptions = {
  platform: NodeJS.Platform;
  sysfsRoot?: string;
  ask?: (program: string, args: readonly string[]) => Promise<string | null>;
};

type Power = Presence['power'];
type Supply = { type: string; scope: string; online: string; status: string };

/** Whether the machine runs on battery, without Electron: Linux and macOS say so. */
export async function readPower({ platform, sysfsRoot = '/sys', ask = askSystem }: BatteryOptions): Promise<Power> {
  if (platform === 'linux') return powerOfSysfs(sysfsRoot);
  if (platform !== 'darwin') return UNKNOWN;
  const text = await ask('pmset', ['-g', 'batt']);
  return text === null ? UNKNOWN : powerOfPmset(text);
}

/** Reads `pmset -g batt`, whose first line is such as `Now drawing from 'AC Power'`. */
export function powerOfPmset(text: string): Power {
  const [, source] = /drawing from '([^']+)'/.exec(text) ?? [];
  if (source === 'AC Power') return 'mains';
  return source === 'Battery Power' || source === 'UPS Power' ? 'battery' : UNKNOWN;
}

/** Where the system knows power supplies and has none, the machine is one without a battery. */
async function powerOfSysfs(root: string): Promise<Power> {
  const folder = join(root, 'class', 'power_supply');
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return UNKNOWN;
  const all = await Promise.all(names.map((name) => readSupply(join(folder, name))));
  // Those of mice and keyboards power nothing else.
  const supplies = all.filter(({ scope }) => scope !== 'Device');
  const stores = supplies.filter(({ type }) => type === 'Battery' || type === 'UPS');
  const lines = supplies.filter((supply) => !stores.includes(supply) && supply.online !== '');
  if (lines.some(({ online }) => online !== '0')) return 'mains';
  if (stores.some(({ status }) => status === 'Discharging')) return 'battery';
  if (stores.every(({ status }) => ['Charging', 'Full', 'Not charging'].includes(status))) return 'mains';
  return UNKNOWN;
}

async function readSupply(folder: string): Promise<Supply> {
  const read = async (name: string): Promise<string> =>
    (await readFile(join(folder, name), 'utf8').catch(() => '')).trim();
  const [type, scope, online, status] = await Promise.all(['type', 'scope', 'online', 'status'].map(read));
  return { type: type ?? '', scope: scope ?? '', online: online ?? '', status: status ?? '' };
}

function askSystem(program: string, args: readonly string[]): Promise<string | null> {
  return programOutput(program, args, PROGRAM_TIMEOUT_MS);
}
