import type { Gpu, Hardware } from '../protocol/capabilities.ts';
import { type GpuPreference, gpuPreference, type Preferences } from './preferences.ts';

/** The adapter that computes, as whoever computes on it names it. */
export type Adapter = { readonly vendor: string; readonly description: string };

/** A GPU of the machine, by the id that preferences name it by. */
export type ListedGpu = {
  readonly id: string;
  readonly name: string;
  /** Null where the system does not tell. */
  readonly memoryBytes: number | null;
  /** Whether models run, or may run, on this one. */
  readonly computes: boolean;
};

type Preferred = Pick<Preferences, 'gpus'>;

/** Ids of GPUs in the order of their list: readable, stable over restarts, and the second of the same name is `name-2`. */
export function gpuIdsOf(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return names.map((name) => {
    const slug = slugOf(name);
    const count = (counts.get(slug) ?? 0) + 1;
    counts.set(slug, count);
    return count === 1 ? slug : `${slug}-${count}`;
  });
}

/**
 * The GPUs that the system lists, and the adapter beside them where it is none of theirs. A page is told the vendor of its
 * adapter and no more: where a machine has two GPUs of one vendor, either may be the one that computes.
 */
export function listGpus(gpus: readonly Gpu[] | null | undefined, adapter: Adapter | undefined): ListedGpu[] {
  const found = gpus ?? [];
  const ids = gpuIdsOf(found.map(({ name }) => name));
  const listed = found.map((gpu, index) => ({
    id: ids[index] ?? '',
    name: gpu.name,
    memoryBytes: gpu.vram_bytes,
    computes: adapter !== undefined && isOf(gpu, adapter),
  }));
  if (adapter === undefined || listed.some(({ computes }) => computes)) return listed;
  const name = adapter.description || adapter.vendor || 'GPU';
  return [...listed, { id: slugOf(name), name, memoryBytes: null, computes: true }];
}

/** What holds for the adapter: where several GPUs may be it, all have to be enabled, and the smallest cap counts. */
export function adapterRule(preferences: Preferred, gpus: readonly ListedGpu[]): GpuPreference {
  const rules = gpus.filter(({ computes }) => computes).map(({ id }) => gpuPreference(preferences, id));
  const caps = rules.flatMap(({ memory_bytes }) => memory_bytes ?? []);
  return {
    enabled: rules.every(({ enabled }) => enabled),
    memory_bytes: caps.length === 0 ? null : Math.min(...caps),
  };
}

/** The hardware as a relay may know it: without GPUs that are switched off, and with no more memory than their caps. */
export function advertisedHardware(hardware: Hardware, preferences: Preferred): Hardware {
  const { gpus, webgpu } = hardware;
  if (gpus === null || gpus === undefined) return hardware;
  const ids = gpuIdsOf(gpus.map(({ name }) => name));
  const shown = gpus.flatMap((gpu, index) => {
    const { enabled, memory_bytes } = gpuPreference(preferences, ids[index] ?? '');
    if (!enabled) return [];
    if (memory_bytes === null) return [gpu];
    const capped = { ...gpu, vram_bytes: Math.min(gpu.vram_bytes ?? memory_bytes, memory_bytes) };
    // What stands beside what the owner tells of it says no more.
    return [gpu.found == null ? capped : { ...capped, found: { ...gpu.found, vram_bytes: null } }];
  });
  return { ...hardware, gpus: shown, webgpu: shown.length === 0 && gpus.length > 0 ? null : (webgpu ?? null) };
}

function isOf({ name, vendor }: Gpu, adapter: Adapter): boolean {
  const own = `${vendor ?? ''} ${name}`.toLowerCase();
  const of = adapter.vendor.toLowerCase();
  return of !== '' && (own.includes(of) || aliasesOf(of).some((alias) => own.includes(alias)));
}

/** What drivers call themselves beside the vendor's name. */
function aliasesOf(vendor: string): readonly string[] {
  if (vendor === 'amd') return ['radeon', 'advanced micro devices'];
  return vendor === 'nvidia' ? ['geforce', 'quadro'] : [];
}

const MOST_ID = 100;

function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return slug.slice(0, MOST_ID) || 'gpu';
}
