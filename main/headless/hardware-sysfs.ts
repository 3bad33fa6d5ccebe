import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Gpu } from '../../shared/protocol/capabilities.ts';

/** PCI ids of those who build GPUs; a virtual machine's display is none. */
const VENDORS: Readonly<Record<string, string>> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' };

/**
 * The GPUs that Linux knows, or null where it shows none of its devices. `root` is where sysfs is mounted; `names` are
 * names of devices by PCI slot, where somebody knows them.
 */
export async function gpusOfSysfs(
  root = '/sys',
  names: ReadonlyMap<string, string> = new Map(),
): Promise<Gpu[] | null> {
  const drm = join(root, 'class', 'drm');
  const entries = await readdir(drm).catch(() => null);
  if (entries === null) return null;
  const cards = entries.filter((name) => /^card\d+$/.test(name)).sort();
  const gpus = await Promise.all(cards.map((card) => describe(join(drm, card, 'device'), root, names)));
  return gpus.filter((gpu) => gpu !== null);
}

async function describe(device: string, root: string, names: ReadonlyMap<string, string>): Promise<Gpu | null> {
  const read = async (...path: string[]): Promise<string | null> =>
    (await readFile(join(...path), 'utf8').catch(() => null))?.trim() || null;
  const vendor = VENDORS[(await read(device, 'vendor')) ?? ''];
  if (vendor === undefined) return null;
  const vram = await read(device, 'mem_info_vram_total');
  const driver = await readlink(join(device, 'driver')).then(basename, () => null);
  const version = driver === null ? null : await read(root, 'module', driver, 'version');
  const slot = await realpath(device).then(basename, () => '');
  return {
    // Most cards tell only their number; a name made of it would be a guess.
    name:
      (await read(device, 'product_name')) ?? names.get(slot) ?? `${vendor} ${(await read(device, 'device')) ?? 'GPU'}`,
    vendor,
    vram_bytes: vram !== null && /^\d+$/.test(vram) ? Number(vram) : null,
    driver: driver === null || version === null ? driver : `${driver} ${version}`,
  };
}
