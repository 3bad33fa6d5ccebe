import { foundId, type GpuOverride } from '../../shared/config/gpu-override.ts';
import { gpuIdsOf } from '../../shared/preferences/gpu-rules.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { type Gpu, MOST_GPUS } from '../../shared/protocol/capabilities.ts';
import { vendorOf } from './hardware-gpu-lists.ts';

const GIBIBYTE = 2 ** 30;

export type ToldGpus = {
  /** What is there with what the owner tells of it. Null where nobody could look, and nobody told of any. */
  gpus: Gpu[] | null;
  /** What was found, and is none as its owner says. Nobody but the owner is told. */
  removed: Gpu[];
  /** Ids that nothing was found by. */
  unmatched: string[];
};

/**
 * What was found of the GPUs, put right by the owner of the machine. What they tell is marked, and says nothing of how
 * fast anything is. Errors: `invalid_setting` where a document could not carry them all.
 */
export function withToldGpus(found: readonly Gpu[] | null, overrides: readonly GpuOverride[]): ToldGpus {
  const ids = gpuIdsOf((found ?? []).map(({ name }) => name));
  const of = new Map(overrides.flatMap((told) => (told.found === undefined ? [] : [[foundId(told.found), told]])));
  const removed = (found ?? []).filter((_, index) => of.get(ids[index] ?? '')?.remove === true);
  const kept = (found ?? []).flatMap((gpu, index) => {
    const told = of.get(ids[index] ?? '');
    if (told === undefined) return [gpu];
    return told.remove === true ? [] : [{ ...gpu, ...fieldsOf(told), found: gpu }];
  });
  const gpus = [...kept, ...overrides.filter((told) => told.found === undefined).map(added)];
  if (gpus.length > MOST_GPUS) {
    const sentence = `node.gpus makes ${gpus.length} GPUs with those that were found, and a node may tell of ${MOST_GPUS}.`;
    throw new Problem('invalid_setting', `${sentence} Leave some out.`);
  }
  const isUnknown = found === null && gpus.length === 0;
  return { gpus: isUnknown ? null : gpus, removed, unmatched: [...of.keys()].filter((id) => !ids.includes(id)) };
}

function added(told: GpuOverride): Gpu {
  const { name = '' } = told;
  return { name, vendor: vendorOf(name), vram_bytes: null, driver: null, ...fieldsOf(told), found: null };
}

/** Vendors as this node writes them, since what a GPU can be used with goes by them. */
function fieldsOf({ name, vendor, memory_gib, driver, backends }: GpuOverride): Partial<Gpu> {
  return {
    ...(name === undefined ? {} : { name }),
    ...(vendor === undefined ? {} : { vendor: vendorOf(vendor) ?? vendor }),
    ...(memory_gib === undefined ? {} : { vram_bytes: Math.round(memory_gib * GIBIBYTE) }),
    ...(driver === undefined ? {} : { driver }),
    ...(backends === undefined ? {} : { backends: [...backends] }),
  };
}
