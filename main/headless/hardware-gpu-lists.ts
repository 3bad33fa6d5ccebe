import type { Gpu } from '../../shared/protocol/capabilities.ts';

const MEBIBYTE = 1024 * 1024;
/** Parts of names and of makers' own words, for those who build GPUs. */
const VENDORS: readonly (readonly [RegExp, string])[] = [
  [/nvidia|geforce|quadro|tesla/i, 'NVIDIA'],
  [/\bamd\b|radeon|advanced micro devices|\bati\b/i, 'AMD'],
  [/intel/i, 'Intel'],
  [/apple/i, 'Apple'],
  [/qualcomm|adreno/i, 'Qualcomm'],
];
/** Displays without a processor of their own. */
const NO_GPU = /basic (display|render)|remote|hyper-v|virtual|indirect|mirror/i;

/** Reads `nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader,nounits`. */
export function gpusOfNvidia(text: string | null): Gpu[] | null {
  if (text === null) return null;
  return text.split('\n').flatMap((line) => {
    const [name = '', mebibytes, driver] = line.split(',').map((part) => part.trim());
    // Some versions say "No devices were found" as if that were one.
    if (name === '' || mebibytes === undefined || driver === undefined) return [];
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
      if (name === null || NO_GPU.test(name)) return [];
      const vendor = vendorOf(`${String(adapter.ProviderName ?? '')} ${name}`);
      return [
        { name, vendor, vram_bytes: registryNumber(adapter.Vram), driver: known(String(adapter.DriverVersion ?? '')) },
      ];
    });
}

/** Drivers write a number as such, or as its eight bytes, the lowest first. */
function registryNumber(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (!Array.isArray(value) || value.length === 0 || value.length > 8) return null;
  return value.every(isByte) ? value.reduceRight<number>((sum, byte) => sum * 256 + byte, 0) : null;
}

function isByte(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256;
}

/**
 * Reads `lspci -D -mm`: the name of each display device by its slot, such as `0000:03:00.0`. Devices that its list does
 * not know are left out.
 */
export function namesOfLspci(text: string | null): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const line of (text ?? '').split('\n')) {
    const [, slot, kind = '', maker = '', device = ''] = /^(\S+) "([^"]*)" "([^"]*)" "([^"]*)"/.exec(line) ?? [];
    if (slot === undefined || !/VGA|3D|Display/.test(kind) || /^Device [\da-f]{4}$/i.test(device)) continue;
    // "Navi 31 [Radeon RX 7900 XT/7900 XTX]": people know what stands in brackets.
    const name = /\[([^\]]+)\]\s*$/.exec(device)?.[1] ?? device;
    names.set(slot, `${vendorOf(maker) ?? maker} ${name}`);
  }
  return names;
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
