import type { AgentLog } from '../../shared/agent/log.ts';
import type { GpuReport, GpuUse, ListedDevice, UnsupportedReason } from '../../shared/ipc/app-state.ts';
import type { ComputeHello } from '../../shared/ipc/compute-contract.ts';
import type { MemoryBudget } from '../../shared/ipc/model-size.ts';
import {
  type Adapter,
  adapterRule,
  advertisedHardware,
  type ListedGpu,
  listGpus,
} from '../../shared/preferences/gpu-rules.ts';
import { type GpuPreference, gpuPreference, type Preferences } from '../../shared/preferences/preferences.ts';
import type { Gpu, Hardware, WebGpu } from '../../shared/protocol/capabilities.ts';
import { type ToldMemory, withToldMemory } from './told-memory.ts';

const SHARE_OF_MEMORY = 0.75;

export type HardwareDeskOptions = {
  describe(): Promise<Hardware>;
  /** What the compute page has found. */
  report(): ComputeHello | undefined;
  allowSoftware: boolean;
  /** How full and busy these GPUs are, in their order; nobody tells when absent. */
  readGpuUse?(gpus: readonly Gpu[]): Promise<(Omit<GpuUse, 'id'> | null)[]>;
  /** Of the machine's own memory; nobody tells when absent or null. */
  freeMemoryBytes?(): number | null;
  preferences(): Preferences;
  /** What the owner says of the memory of GPUs. */
  toldMemory?(): ToldMemory;
  onChange(): void;
  log: AgentLog;
};

export type HardwareDesk = {
  /** Undefined until the system was asked, which may take seconds. */
  current(): Hardware | undefined;
  devices(): ListedDevice[];
  /** What the owner lets the GPU that computes do. */
  rule(): GpuPreference;
  /** Most memory that models may take of a device, of which those of this app hold `heldBytes` already. */
  budget(device: string, heldBytes: number): Promise<MemoryBudget>;
  /** Of the GPUs of which the system tells it. */
  gpuUse(): Promise<GpuUse[]>;
  /** What all programs hold of the memory of the GPUs that compute; null where a counter is missing. */
  usedBytes(): Promise<number | null>;
  /** The hardware as relays are told at each moment, once it is known. */
  advertised(): Promise<() => Hardware>;
};

/** What the machine is made of, and what its owner lets of it be used. The system is asked once. */
export function createHardwareDesk(options: HardwareDeskOptions): HardwareDesk {
  const { preferences, onChange, log } = options;
  let hardware: Hardware | undefined;
  const described = options.describe().then((found) => {
    hardware = found;
    onChange();
    return found;
  });
  described.catch((err: unknown) => log.error({ err }, 'the hardware could not be described'));
  const adapter = (): Adapter | undefined => adapterOf(options.report(), options.allowSoftware);
  const told = (): ToldMemory => options.toldMemory?.() ?? {};
  const withTold = (found: Hardware): Hardware => withToldMemory(found, told(), adapter());
  const gpus = (): ListedGpu[] => listGpus(hardware && withTold(hardware).gpus, adapter());
  const gpuUse = async (): Promise<GpuUse[]> => {
    const described = hardware?.gpus ?? [];
    const uses = described.length === 0 ? [] : ((await options.readGpuUse?.(described)) ?? []);
    const listed = gpus();
    return uses.flatMap((use, index) => (use === null ? [] : [{ id: listed[index]?.id ?? '', ...use }]));
  };
  /** What the page computes on, while its owner lets it. */
  const webgpu = (): WebGpu | null => {
    const report = options.report();
    if (report === undefined || isUnreal(report, options.allowSoftware)) return null;
    return adapterRule(preferences(), gpus()).enabled ? (report.webgpu ?? null) : null;
  };
  return {
    current: () => hardware,
    devices: () => {
      const listed = gpus();
      return listed.map((gpu) => {
        const { enabled, memory_bytes: capBytes } = gpuPreference(preferences(), gpu.id);
        const reason = unsupportedOf(options.report(), options.allowSoftware);
        // Where an adapter computes, the others are only not chosen.
        const isConcerned = gpu.computes || !listed.some(({ computes }) => computes);
        const toldBytes = told()[gpu.id] ?? null;
        return { ...gpu, toldBytes, unsupported: isConcerned ? reason : null, enabled, capBytes };
      });
    },
    rule: () => adapterRule(preferences(), gpus()),
    budget: async (device, heldBytes) => {
      if (device !== 'webgpu') return ofProcessor(hardware, options.freeMemoryBytes?.() ?? null, heldBytes);
      const uses = await gpuUse();
      const cap = adapterRule(preferences(), gpus()).memory_bytes;
      const ofGpus = gpus().flatMap(({ id, computes, memoryBytes }): MemoryBudget[] => {
        if (!computes || memoryBytes === null) return [];
        const used = uses.find((use) => use.id === id)?.usedBytes ?? null;
        if (used === null) return [{ bytes: memoryBytes, basis: 'total' }];
        // What this app holds is its own to give up.
        return [{ bytes: Math.min(memoryBytes, Math.max(0, memoryBytes - used) + heldBytes), basis: 'free' }];
      });
      return leastOf([...ofGpus, ...(cap === null ? [] : [{ bytes: cap, basis: 'cap' as const }])]);
    },
    gpuUse,
    usedBytes: async () => {
      const uses = await gpuUse();
      const computing = gpus().filter(({ computes }) => computes);
      const used = computing.map(({ id }) => uses.find((use) => use.id === id)?.usedBytes ?? null);
      if (used.length === 0 || used.includes(null)) return null;
      return used.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
    },
    advertised: async () => {
      const found = await described;
      return () => advertisedHardware({ ...withTold(found), webgpu: webgpu() }, preferences());
    },
  };
}

/** Of the machine's own memory. The system and its owner's programs need the rest. */
function ofProcessor(hardware: Hardware | undefined, freeBytes: number | null, heldBytes: number): MemoryBudget {
  if (hardware === undefined) return NOBODY_TELLS;
  const share: MemoryBudget = { bytes: Math.floor(hardware.memory_bytes * SHARE_OF_MEMORY), basis: 'share' };
  return leastOf([share, ...(freeBytes === null ? [] : [{ bytes: freeBytes + heldBytes, basis: 'free' as const }])]);
}

const NOBODY_TELLS: MemoryBudget = { bytes: null, basis: 'total' };

function leastOf(budgets: readonly MemoryBudget[]): MemoryBudget {
  return budgets.reduce((least, each) => ((each.bytes ?? 0) < (least.bytes ?? Infinity) ? each : least), NOBODY_TELLS);
}

/** Why models do not run on the GPU; null where they do, or nobody has looked yet. */
export function unsupportedOf(report: GpuReport | undefined, allowSoftware: boolean): UnsupportedReason | null {
  if (report === undefined || report.usable) return null;
  if (report.isFallback) return allowSoftware ? null : 'software';
  return report.crossOriginIsolated ? 'no_adapter' : 'not_isolated';
}

/** A simulated adapter is no device of the machine. */
function isUnreal({ isFallback }: ComputeHello, allowSoftware: boolean): boolean {
  return isFallback && !allowSoftware;
}

function adapterOf(report: ComputeHello | undefined, allowSoftware: boolean): Adapter | undefined {
  if (report === undefined || isUnreal(report, allowSoftware)) return undefined;
  const { vendor, architecture, description } = report;
  const name = description || `${vendor} ${architecture}`.trim();
  return name === '' ? undefined : { vendor, description: name };
}
