import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GpuUse } from '../../shared/ipc/app-state.ts';
import type { Gpu } from '../../shared/protocol/capabilities.ts';
import { programOutput } from './program-output.ts';

const PROGRAM_TIMEOUT_MS = 2_000;
const MEBIBYTE = 1024 * 1024;
const NVIDIA = ['--query-gpu=memory.used,utilization.gpu', '--format=csv,noheader,nounits'];
/** Memory by process, once. */
const NVIDIA_PROCESSES = ['pmon', '-c', '1', '-s', 'm'];
const AMD_PCI_ID = '0x1002';

type Use = Pick<GpuUse, 'usedBytes' | 'busyPercent'>;
type Ask = (program: string, args: readonly string[]) => Promise<string | null>;
export type GpuUseOptions = { platform: NodeJS.Platform; sysfsRoot?: string; ask?: Ask };

/**
 * How full and how busy each of these GPUs is now, in their order; null for those of which nobody tells. Known of NVIDIA's
 * with its own tool, and of AMD's on Linux.
 */
export async function readGpuUse(gpus: readonly Gpu[], options: GpuUseOptions): Promise<(Use | null)[]> {
  const { platform, sysfsRoot = '/sys', ask = askSystem } = options;
  const has = (vendor: string): boolean => gpus.some((gpu) => gpu.vendor === vendor);
  const nvidia = has('NVIDIA') && platform !== 'darwin' ? usesOfNvidia(await ask('nvidia-smi', NVIDIA)) : [];
  const amd = has('AMD') && platform === 'linux' ? await usesOfSysfs(sysfsRoot) : [];
  const known = new Map([
    ['NVIDIA', nvidia],
    ['AMD', amd],
  ]);
  return gpus.map((gpu) => {
    const alike = gpus.filter(({ vendor }) => vendor === gpu.vendor);
    const uses = known.get(gpu.vendor ?? '') ?? [];
    // Where one has come or gone since the machine was described, none can be told from another.
    return uses.length === alike.length ? (uses[alike.indexOf(gpu)] ?? null) : null;
  });
}

/** Reads `nvidia-smi --query-gpu=memory.used,utilization.gpu --format=csv,noheader,nounits`, in mebibytes and per cent. */
export function usesOfNvidia(text: string | null): Use[] {
  const lines = (text ?? '').split('\n').filter((line) => line.includes(','));
  return lines.map((line) => {
    const [used, busy] = line.split(',').map((part) => numberOf(part.trim()));
    return { usedBytes: used === null || used === undefined ? null : used * MEBIBYTE, busyPercent: busy ?? null };
  });
}

async function usesOfSysfs(root: string): Promise<Use[]> {
  const drm = join(root, 'class', 'drm');
  const cards = (await readdir(drm).catch(() => [])).filter((name) => /^card\d+$/.test(name)).sort();
  const uses = await Promise.all(
    cards.map(async (card) => {
      const read = async (name: string): Promise<string> =>
        (await readFile(join(drm, card, 'device', name), 'utf8').catch(() => '')).trim();
      if ((await read('vendor')) !== AMD_PCI_ID) return null;
      return {
        usedBytes: numberOf(await read('mem_info_vram_used')),
        busyPercent: numberOf(await read('gpu_busy_percent')),
      };
    }),
  );
  return uses.filter((use) => use !== null);
}

/** Bytes of GPU memory that these processes hold, of all GPUs; null where nobody tells. */
export async function readOwnGpuBytes(own: ReadonlySet<number>, ask: Ask = askSystem): Promise<number | null> {
  const text = await ask('nvidia-smi', NVIDIA_PROCESSES);
  return text === null ? null : ownBytesOfPmon(text, own);
}

/** Reads `nvidia-smi pmon -c 1 -s m`, whose first line names its columns; `fb` is in mebibytes. */
export function ownBytesOfPmon(text: string, own: ReadonlySet<number>): number | null {
  const rows = text.split('\n').map((line) => line.replace('#', ' ').trim().split(/\s+/));
  const head = rows.find((row) => row.includes('pid') && row.includes('fb')) ?? [];
  const [pid, fb] = [head.indexOf('pid'), head.indexOf('fb')];
  const sizes = rows
    .filter((row) => own.has(Number(row[pid])))
    .map((row) => numberOf(row[fb] ?? ''))
    .filter((size) => size !== null);
  return sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0) * MEBIBYTE;
}

function numberOf(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function askSystem(program: string, args: readonly string[]): Promise<string | null> {
  return programOutput(program, args, PROGRAM_TIMEOUT_MS);
}
