import type { GpuOverride } from '../../shared/config/gpu-override.ts';
import { type Adapter, gpuIdsOf, listGpus } from '../../shared/preferences/gpu-rules.ts';
import type { Gpu, Hardware } from '../../shared/protocol/capabilities.ts';
import { withToldGpus } from '../headless/told-gpus.ts';

const GIBIBYTE = 2 ** 30;

/** What the owner says that GPUs have, in bytes, by the id that they are listed under. */
export type ToldMemory = Readonly<Record<string, number>>;

/**
 * The hardware with the memory that its owner tells of GPUs, marked with what was found (decision 172): of those that the system lists,
 * and of the adapter that computes where the system lists none. What is told of a card that is not there today waits for it.
 */
export function withToldMemory(hardware: Hardware, told: ToldMemory, adapter: Adapter | undefined): Hardware {
  const found = hardware.gpus ?? null;
  const overrides = Object.entries(told).flatMap(([id, bytes]) => overrideOf(id, bytes, found, adapter) ?? []);
  return overrides.length === 0 ? hardware : { ...hardware, gpus: withToldGpus(found, overrides).gpus };
}

function overrideOf(
  id: string,
  bytes: number,
  found: readonly Gpu[] | null,
  adapter: Adapter | undefined,
): GpuOverride | undefined {
  const memory_gib = bytes / GIBIBYTE;
  const names = (found ?? []).map(({ name }) => name);
  if (gpuIdsOf(names).includes(id)) return { found: id, memory_gib };
  const listed = listGpus(found, adapter);
  const beside = listed.length > names.length ? listed.at(-1) : undefined;
  // By its vendor alone the adapter is known again in the list.
  if (beside?.id !== id || adapter === undefined || adapter.vendor === '') return undefined;
  return { name: beside.name, vendor: adapter.vendor, memory_gib };
}
