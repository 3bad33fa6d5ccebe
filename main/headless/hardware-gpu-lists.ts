import type { Gpu } from '../../shared/protocol/capabilities.ts';

const MEBIBYTE = 1024 * 1024;
/** Parts of names and of makers' own words, for those who build GPUs. */
const VENDORS: readonly (readonly [RegExp, string])[] = [
  [/nvidia|geforce|quadro|tesla/i, 'NVIDIA'],
  [/\bamd\b|radeon|advanced micro devices|\bati\b/i, 'AMD'],
  [/intel/i, 'Intel'],
  [/apple/i, 'Apple'],
];

/** Reads `nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader,nounits`. */
export function gpusOfNvidia(text: string | null): Gpu[] | null {
  if (text === null) return null;
  return text.split('\n').flatMap((line) => {
    const [name = '', mebibytes = '', driver = ''] = line.split(',').map((part) => part.trim());
    if (name === '') return [];
    return [{ name, vendor: 'NVIDIA', vram_bytes: bytesOf(mebibytes, MEBIBYTE), driver: known(driver) }];
  });
}

/** Reads `system_profiler SPDisplaysDataType -json`. Apple's own GPUs have no memory and no driver of their own. */
export function gpusOfMac(text: string | null): Gpu[] | null {
  const found = text === null ? null : parse(text);
  if (!isRecord(found) || !Array.isArray(found.SPDisplaysDataType)) return null;
  return found.SPDisplaysDataType.filter(isRecord).map((display) => {
    const name = String(display.sppci_model ?? display._name ?? 'unknown');
    const memory = /^(\d+) (MB|GB)$/.exec(String(display.spdisplays_vram ?? ''));
    const unit = memory?.[2] === 'GB' ? 1024 * MEBIBYTE : MEBIBYTE;
    return { name, vendor: vendorOf(name), vram_bytes: bytesOf(memory?.[1] ?? '', unit), driver: null };
  });
}

/** Reads the display adapters of the registry as `ConvertTo-Json` prints them: a list, or one alone. */
export function gpusOfWindows(text: string | null): Gpu[] | null {
  const found = text === null ? null : parse(text);
  if (found === null || found === undefined) return null;
  return [found]
    .flat()
    .filter(isRecord)
    .flatMap((adapter) => {
      const name = known(String(adapter.DriverDesc ?? ''));
      if (name === null || /basic (display|render)|remote display/i.test(name)) return [];
      const vram = typeof adapter.Vram === 'number' ? adapter.Vram : null;
      const vendor = vendorOf(`${String(adapter.ProviderName ?? '')} ${name}`);
      return [{ name, vendor, vram_bytes: vram, driver: known(String(adapter.DriverVersion ?? '')) }];
    });
}

export function vendorOf(text: string): string | null {
  return VENDORS.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}

function bytesOf(text: string, unit: number): number | null {
  return /^\d+$/.test(text) ? Number(text) * unit : null;
}

/** Tools write `[N/A]` or nothing for what they do not know. */
function known(text: string): string | null {
  return text === '' || /^\[?(n\/a|not supported|unknown error)\]?$/i.test(text) ? null : text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
