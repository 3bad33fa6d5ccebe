import { gpuIdsOf } from '../../../shared/preferences/gpu-rules.ts';
import { gpuPreference, type Preferences } from '../../../shared/preferences/preferences.ts';
import type { Gpu } from '../../../shared/protocol/capabilities.ts';
import type { Device, DeviceFact } from '../../../shared/runtimes/devices/choose-device.ts';

export type NodeMachine = {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  /** Names of the execution providers that ONNX Runtime was built with. */
  backends: readonly string[];
  /** Null where nobody could look. */
  gpus: readonly Gpu[] | null;
  memoryBytes: number;
  /** What the owner lets each GPU do; all of it when absent. */
  preferences?: Pick<Preferences, 'gpus'> | undefined;
};

type RuledGpu = Gpu & { enabled: boolean; capBytes: number | null };

/** Drivers of Vulkan that compute on the processor, as their files are named. */
const SOFTWARE_DRIVER = /swiftshader|lvp_icd|lavapipe|llvmpipe/i;
/** The system and the owner's own programs need the rest. */
const SHARE_OF_MEMORY = 0.75;
/** Relays read it: it says nothing of what is switched off. */
const KEPT = 'its owner keeps it for themselves';
const NOT_TOLD = 'its owner tells of other ways to use the GPU';

/**
 * What Node's ONNX Runtime could run models on here, by what was found of the machine and what its owner allows; whether
 * it does, a trial tells. Its own WebGPU does not say what it computes on, so that it counts as real only where a GPU was
 * found, or told of by the owner. ONNX Runtime takes one of the GPUs that suit it: all of them have to be enabled, and the smallest cap counts.
 */
export function nodeDevices(machine: NodeMachine): DeviceFact[] {
  const { platform, backends, memoryBytes } = machine;
  const all = ruledGpus(machine);
  const nvidia = all.filter(({ vendor, backends: told }) => vendor === 'NVIDIA' || told?.includes('cuda') === true);
  const fact = (device: Device, may: readonly RuledGpu[], missing: string | undefined): DeviceFact => {
    const of = may.filter(({ backends: told }) => told?.includes(device) ?? true);
    const none = may.length > 0 && of.length === 0 ? NOT_TOLD : undefined;
    // Whatever is told, ONNX Runtime may take any that suits it.
    const why = missing ?? none ?? (may.every(({ enabled }) => enabled) ? undefined : KEPT);
    return {
      device,
      isPresent: why === undefined && backends.includes(device),
      isSimulated: false,
      memoryBytes: memoryOf(of),
      features: null,
      why: why ?? 'ONNX Runtime was built without it here',
    };
  };
  return [
    fact('cuda', nvidia, nvidia.length === 0 ? 'no GPU of NVIDIA was found' : undefined),
    fact('dml', all, platform === 'win32' ? noGpu(all) : 'it is part of Windows'),
    withoutSize(all, fact('coreml', all, platform === 'darwin' ? undefined : 'it is part of macOS')),
    webGpu(machine, fact('webgpu', all, noGpu(all))),
    { device: 'cpu', isPresent: true, isSimulated: false, memoryBytes: memoryBytes * SHARE_OF_MEMORY, features: null },
  ];
}

function ruledGpus({ gpus, preferences = { gpus: {} } }: NodeMachine): RuledGpu[] {
  const ids = gpuIdsOf((gpus ?? []).map(({ name }) => name));
  return (gpus ?? []).map((gpu, index) => {
    const { enabled, memory_bytes: capBytes } = gpuPreference(preferences, ids[index] ?? '');
    return { ...gpu, enabled, capBytes };
  });
}

function webGpu({ env, backends }: NodeMachine, fact: DeviceFact): DeviceFact {
  const drivers = `${env.VK_ICD_FILENAMES ?? ''} ${env.VK_DRIVER_FILES ?? ''}`;
  if (fact.why === KEPT || !SOFTWARE_DRIVER.test(drivers)) return fact;
  return { ...fact, isPresent: backends.includes('webgpu'), isSimulated: true, memoryBytes: null };
}

function noGpu(gpus: readonly Gpu[]): string | undefined {
  return gpus.length === 0 ? 'no GPU was found' : undefined;
}

/** Core ML takes the machine's own memory, and may leave the GPU aside; a cap holds all the same. */
function withoutSize(gpus: readonly RuledGpu[], fact: DeviceFact): DeviceFact {
  return { ...fact, memoryBytes: memoryOf(gpus.map((gpu) => ({ ...gpu, vram_bytes: null }))) };
}

/** The largest memory, below every cap. */
function memoryOf(gpus: readonly RuledGpu[]): number | null {
  const sizes = gpus.flatMap(({ vram_bytes }) => vram_bytes ?? []);
  const caps = gpus.flatMap(({ capBytes }) => capBytes ?? []);
  const most = sizes.length === 0 ? [] : [Math.max(...sizes)];
  return caps.length + most.length === 0 ? null : Math.min(...caps, ...most);
}
