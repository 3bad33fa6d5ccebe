import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Presence, UNKNOWN } from '../../../shared/preferences/presence.ts';
import { programOutput } from '../program-output.ts';
import type { OwnProcesses } from './own-processes.ts';

const PROGRAM_TIMEOUT_MS = 1_500;
/** One sample of each process's share of the shader units. */
const NVIDIA = ['pmon', '-c', '1', '-s', 'u'];

export type GpuLoadOptions = {
  platform: NodeJS.Platform;
  /** The processes of this node, whose load is not another's; undefined where nobody knows all of them. */
  processes: OwnProcesses | undefined;
  /** Whether this node computes now: a load that cannot be told from its own is then not known to be another's. */
  isComputing: boolean;
  sysfsRoot?: string;
  ask?: (program: string, args: readonly string[]) => Promise<string | null>;
};

type Percent = Presence['other_gpu_percent'];

/** How busy others keep the busiest GPU: by process with NVIDIA's tool, else as Linux tells of AMD's as a whole. */
export async function readOtherGpuLoad(options: GpuLoadOptions): Promise<Percent> {
  const { platform, processes, isComputing, sysfsRoot = '/sys', ask = askSystem } = options;
  const text = platform === 'darwin' ? null : await ask('nvidia-smi', NVIDIA);
  const isTold = text !== null && (processes !== undefined || !isComputing);
  const nvidia = isTold ? loadOfPmon(text, processes ?? { own: new Set() }) : UNKNOWN;
  const amd = platform === 'linux' && !isComputing ? await loadOfSysfs(sysfsRoot) : UNKNOWN;
  const known = [nvidia, amd].filter((load) => load !== UNKNOWN);
  return known.length === 0 ? UNKNOWN : Math.max(...known);
}

/**
 * Reads `nvidia-smi pmon -c 1 -s u`: GPU, process, kind and its share in percent, `-` for what is not known. The driver numbers
 * processes as the host does: in a container nobody knows whose one is that cannot be seen.
 */
export function loadOfPmon(text: string, { own, seen }: OwnProcesses): Percent {
  const rows = text
    .split('\n')
    .filter((line) => /^\s*\d/.test(line))
    .map((line) => line.trim().split(/\s+/));
  if (rows.length === 0) return UNKNOWN;
  const loads = new Map<string, number>();
  for (const [gpu = '', process = '', , share = ''] of rows) {
    const before = loads.get(gpu) ?? 0;
    const isLoad = /^\d+$/.test(share) && Number(share) > 0;
    if (isLoad && seen?.has(Number(process)) === false) return UNKNOWN;
    loads.set(gpu, own.has(Number(process)) || !isLoad ? before : before + Number(share));
  }
  return Math.min(100, Math.max(...loads.values()));
}

async function loadOfSysfs(root: string): Promise<Percent> {
  const drm = join(root, 'class', 'drm');
  const cards = (await readdir(drm).catch(() => [])).filter((name) => /^card\d+$/.test(name));
  const texts = await Promise.all(
    cards.map((card) => readFile(join(drm, card, 'device', 'gpu_busy_percent'), 'utf8').catch(() => '')),
  );
  const loads = texts
    .map((text) => text.trim())
    .filter((text) => /^\d+$/.test(text))
    .map(Number);
  return loads.length === 0 ? UNKNOWN : Math.min(100, Math.max(...loads));
}

function askSystem(program: string, args: readonly string[]): Promise<string | null> {
  return programOutput(program, args, PROGRAM_TIMEOUT_MS);
}
