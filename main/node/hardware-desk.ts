import type { AgentLog } from '../../shared/agent/log.ts';
import type { GpuReport, ListedDevice } from '../../shared/ipc/app-state.ts';
import {
  type Adapter,
  adapterRule,
  advertisedHardware,
  type ListedGpu,
  listGpus,
} from '../../shared/preferences/gpu-rules.ts';
import { type GpuPreference, gpuPreference, type Preferences } from '../../shared/preferences/preferences.ts';
import type { Hardware } from '../../shared/protocol/capabilities.ts';

const SHARE_OF_MEMORY = 0.75;

export type HardwareDeskOptions = {
  describe(): Promise<Hardware>;
  /** What the compute page has found. */
  report(): GpuReport | undefined;
  allowSoftware: boolean;
  preferences(): Preferences;
  onChange(): void;
  log: AgentLog;
};

export type HardwareDesk = {
  /** Undefined until the system was asked, which may take seconds. */
  current(): Hardware | undefined;
  devices(): ListedDevice[];
  /** What the owner lets the GPU that computes do. */
  rule(): GpuPreference;
  /** Most memory that models may take of a device; null where nobody says how much there is. */
  availableBytes(device: string): number | null;
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
  const gpus = (): ListedGpu[] => listGpus(hardware?.gpus, adapterOf(options.report(), options.allowSoftware));
  return {
    current: () => hardware,
    devices: () =>
      gpus().map((gpu) => {
        const { enabled, memory_bytes: capBytes } = gpuPreference(preferences(), gpu.id);
        return { ...gpu, enabled, capBytes };
      }),
    rule: () => adapterRule(preferences(), gpus()),
    availableBytes: (device) => {
      if (device !== 'webgpu') return hardware === undefined ? null : ofProcessor(hardware.memory_bytes);
      const sizes = gpus().flatMap(({ computes, memoryBytes }) => (computes ? (memoryBytes ?? []) : []));
      const caps = adapterRule(preferences(), gpus()).memory_bytes;
      const all = caps === null ? sizes : [...sizes, caps];
      return all.length === 0 ? null : Math.min(...all);
    },
    advertised: async () => {
      const found = await described;
      return () => advertisedHardware(found, preferences());
    },
  };
}

/** Of the machine's own memory. The system and its owner's programs need the rest. */
function ofProcessor(memoryBytes: number): number {
  return Math.floor(memoryBytes * SHARE_OF_MEMORY);
}

/** A simulated adapter is no device of the machine. */
function adapterOf(report: GpuReport | undefined, allowSoftware: boolean): Adapter | undefined {
  if (report === undefined || (report.isFallback && !allowSoftware)) return undefined;
  const { vendor, architecture, description } = report;
  const name = description || `${vendor} ${architecture}`.trim();
  return name === '' ? undefined : { vendor, description: name };
}
