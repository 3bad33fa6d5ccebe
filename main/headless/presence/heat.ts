import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSteadyClock } from '../../../shared/clock/steady-clock.ts';
import { type Presence, UNKNOWN } from '../../../shared/preferences/presence.ts';
import { programOutput } from '../program-output.ts';

const PROGRAM_TIMEOUT_MS = 1_500;
/** Of the limit that a chip itself names as critical; at the limit it slows down or the system ends. */
const NEAR_CELSIUS = 5;
/** A chip cools down in seconds, and its case does not: what was hot is so for a while. */
const HOT_FOR_MS = 60_000;
/** What is beyond was never measured; firmware that names a critical temperature below, as some does, names none. */
const PLAUSIBLE_CELSIUS = { leastLimit: 60, most: 150 };
/** Chips that compute; what mainboards call temperatures may be wires that lead nowhere. */
const CHIPS = new Set(['coretemp', 'k10temp', 'cpu_thermal', 'amdgpu', 'radeon', 'nouveau', 'i915', 'xe']);
/** Under which names NVIDIA's tool tells whether it slows down for heat, newest first. */
const SLOWDOWNS = ['clocks_event_reasons', 'clocks_throttle_reasons'] as const;

type Heat = Presence['heat'];
export type HeatOptions = {
  platform: NodeJS.Platform;
  now: () => number;
  sysfsRoot?: string;
  ask?: (program: string, args: readonly string[]) => Promise<string | null>;
};

/**
 * Whether the machine is hot by its own word: a chip near the limit that it names, or a driver that slows down for heat. Known on
 * Linux, and of NVIDIA's GPUs wherever their tool is.
 */
export function createHeatReader({ platform, now, sysfsRoot = '/sys', ask = askSystem }: HeatOptions) {
  const steady = createSteadyClock(now);
  let hotAt = Number.NEGATIVE_INFINITY;
  return async (): Promise<Heat> => {
    if (platform === 'darwin') return UNKNOWN;
    const [zones, chips, nvidia] = await Promise.all([
      platform === 'linux' ? heatsOfZones(sysfsRoot) : [],
      platform === 'linux' ? heatsOfChips(sysfsRoot) : [],
      heatsOfNvidia(ask),
    ]);
    const heats = [...zones, ...chips, ...nvidia];
    if (heats.length === 0) return UNKNOWN;
    if (heats.includes('hot')) hotAt = steady();
    return steady() - hotAt < HOT_FOR_MS ? 'hot' : 'normal';
  };
}

type Told = 'hot' | 'normal';

/** Zones of the kernel, with the trips at which it acts. */
async function heatsOfZones(root: string): Promise<Told[]> {
  const folder = join(root, 'class', 'thermal');
  const zones = await namesIn(folder, /^thermal_zone\d+$/);
  const told = zones.map(async (zone): Promise<Told[]> => {
    const trips = await namesIn(join(folder, zone), /^trip_point_\d+_type$/);
    const celsius = await celsiusIn(join(folder, zone, 'temp'));
    const limits = trips.map(async (trip) => {
      const type = await textIn(join(folder, zone, trip));
      if (type !== 'hot' && type !== 'critical') return null;
      return celsiusIn(join(folder, zone, trip.replace(/type$/, 'temp')));
    });
    return (await Promise.all(limits)).flatMap((limit) => judge(celsius, limit));
  });
  return (await Promise.all(told)).flat();
}

/** Sensors of chips, where these name what is critical for them. */
async function heatsOfChips(root: string): Promise<Told[]> {
  const folder = join(root, 'class', 'hwmon');
  const monitors = await namesIn(folder, /^hwmon\d+$/);
  const told = monitors.map(async (monitor): Promise<Told[]> => {
    if (!CHIPS.has(await textIn(join(folder, monitor, 'name')))) return [];
    const sensors = await namesIn(join(folder, monitor), /^temp\d+_crit$/);
    const judged = sensors.map(async (sensor) =>
      judge(
        await celsiusIn(join(folder, monitor, sensor.replace(/crit$/, 'input'))),
        await celsiusIn(join(folder, monitor, sensor)),
      ),
    );
    return (await Promise.all(judged)).flat();
  });
  return (await Promise.all(told)).flat();
}

async function heatsOfNvidia(ask: NonNullable<HeatOptions['ask']>): Promise<Told[]> {
  for (const name of SLOWDOWNS) {
    const fields = `${name}.hw_thermal_slowdown,${name}.sw_thermal_slowdown`;
    const text = await ask('nvidia-smi', [`--query-gpu=${fields}`, '--format=csv,noheader']);
    if (text !== null) return heatsOfSlowdowns(text);
  }
  return [];
}

/** Reads a line for each GPU, such as `Not Active, Active`; what it does not support it says in other words. */
export function heatsOfSlowdowns(text: string): Told[] {
  const words = text.split(/[,\n]/).map((word) => word.trim());
  return words.flatMap((word): Told[] => {
    if (word === 'Active') return ['hot'];
    return word === 'Not Active' ? ['normal'] : [];
  });
}

function judge(celsius: number | null, limit: number | null): Told[] {
  if (celsius === null || limit === null || limit < PLAUSIBLE_CELSIUS.leastLimit) return [];
  return [celsius >= limit - NEAR_CELSIUS ? 'hot' : 'normal'];
}

/** The kernel tells thousandths of a degree. */
async function celsiusIn(path: string): Promise<number | null> {
  const celsius = Number(await textIn(path)) / 1_000;
  return celsius > 0 && celsius < PLAUSIBLE_CELSIUS.most ? celsius : null;
}

async function textIn(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

async function namesIn(folder: string, pattern: RegExp): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => pattern.test(name));
}

function askSystem(program: string, args: readonly string[]): Promise<string | null> {
  return programOutput(program, args, PROGRAM_TIMEOUT_MS);
}
