import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programOutput } from './program-output.ts';

const PROGRAM_TIMEOUT_MS = 1_500;
const NVIDIA = ['--query-gpu=power.draw', '--format=csv,noheader,nounits'];
const MICRO = 1_000_000;

/** What the devices that compute draw, as far as their own counters tell. */
export type PowerDraw = {
  /** Of all NVIDIA cards together, now. */
  readonly gpuWatts: number | null;
  /** Of all processors together, counted up since the first reading. */
  readonly cpuJoules: number | null;
};

export type PowerDrawOptions = {
  platform: NodeJS.Platform;
  sysfsRoot?: string;
  ask?: (program: string, args: readonly string[]) => Promise<string | null>;
};

export type ReadPowerDraw = (wants: { gpu: boolean }) => Promise<PowerDraw>;

/**
 * Reads what NVIDIA's tool tells of its cards, and RAPL of processors: Linux lets programs read that where its administrator has
 * allowed it, since it says more of other programs than the power they draw.
 */
export function createPowerDrawReader(options: PowerDrawOptions): ReadPowerDraw {
  const { platform, sysfsRoot = '/sys', ask = askSystem } = options;
  const countUp = createUpCounter();
  return async ({ gpu }) => {
    const text = gpu && platform !== 'darwin' ? await ask('nvidia-smi', NVIDIA) : null;
    const zones = platform === 'linux' ? await packagesOf(join(sysfsRoot, 'class', 'powercap')) : [];
    return { gpuWatts: wattsOfNvidia(text), cpuJoules: countUp(zones) };
  };
}

/** Reads `nvidia-smi --query-gpu=power.draw --format=csv,noheader,nounits`, a line for each card; null where one does not tell. */
export function wattsOfNvidia(text: string | null): number | null {
  const lines = (text ?? '').split('\n').map((line) => line.trim());
  const draws = lines
    .filter((line) => line !== '')
    .map((line) => (/^\d{1,5}(\.\d+)?$/.test(line) ? Number(line) : null));
  if (draws.length === 0 || draws.includes(null)) return null;
  return draws.reduce<number>((sum, watts) => sum + (watts ?? 0), 0);
}

/** The counter of a processor, in microjoules, and where it begins again at 0. */
type Zone = { readonly name: string; readonly energyUj: number; readonly rangeUj: number | null };

/** Whole processors alone: cores and memory are parts of these, and a platform is more. */
async function packagesOf(folder: string): Promise<Zone[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^[a-z-]+:\d+$/.test(name)).sort();
  const zones = names.map(async (name): Promise<Zone[]> => {
    const of = (file: string): Promise<string> => readFile(join(folder, name, file), 'utf8').catch(() => '');
    const energyUj = countOf(await of('energy_uj'));
    if (energyUj === null || !(await of('name')).startsWith('package')) return [];
    return [{ name, energyUj, rangeUj: countOf(await of('max_energy_range_uj')) }];
  });
  return (await Promise.all(zones)).flat();
}

/** Adds up counters that begin again at 0; null while they are not the same ones as before. */
function createUpCounter(): (zones: readonly Zone[]) => number | null {
  let before = new Map<string, Zone>();
  let joules = 0;
  return (zones) => {
    const steps = zones.map((zone) => stepOf(before.get(zone.name), zone));
    const isSame = before.size === 0 || (zones.length === before.size && !steps.includes(null));
    before = new Map(zones.map((zone) => [zone.name, zone]));
    if (zones.length === 0 || !isSame) return null;
    joules += steps.reduce<number>((sum, step) => sum + (step ?? 0), 0) / MICRO;
    return joules;
  };
}

function stepOf(before: Zone | undefined, { energyUj, rangeUj }: Zone): number | null {
  if (before === undefined) return null;
  if (energyUj >= before.energyUj) return energyUj - before.energyUj;
  return rangeUj === null ? null : energyUj + rangeUj - before.energyUj;
}

function countOf(text: string): number | null {
  return /^\d{1,15}$/.test(text.trim()) ? Number(text) : null;
}

function askSystem(program: string, args: readonly string[]): Promise<string | null> {
  return programOutput(program, args, PROGRAM_TIMEOUT_MS);
}
