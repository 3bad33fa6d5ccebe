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
};

/** Drivers of Vulkan that compute on the processor, as their files are named. */
const SOFTWARE_DRIVER = /swiftshader|lvp_icd|lavapipe|llvmpipe/i;
/** The system and the owner's own programs need the rest. */
const SHARE_OF_MEMORY = 0.75;

/**
 * What Node's ONNX Runtime could run models on here, by what was found of the machine; whether it does, a trial tells.
 * Its own WebGPU does not say what it computes on, so that it counts as real only where a GPU was found.
 */
export function nodeDevices(machine: NodeMachine): DeviceFact[] {
  const { platform, backends, gpus, memoryBytes } = machine;
  const nvidia = (gpus ?? []).filter(({ vendor }) => vendor === 'NVIDIA');
  const fact = (device: Device, of: readonly Gpu[], why: string | undefined): DeviceFact => ({
    device,
    isPresent: why === undefined && backends.includes(device),
    isSimulated: false,
    memoryBytes: largest(of),
    features: null,
    why: why ?? 'ONNX Runtime was built without it here',
  });
  const all = gpus ?? [];
  return [
    fact('cuda', nvidia, nvidia.length === 0 ? 'no GPU of NVIDIA was found' : undefined),
    fact('dml', all, platform === 'win32' ? noGpu(all) : 'it is part of Windows'),
    fact('coreml', [], platform === 'darwin' ? undefined : 'it is part of macOS'),
    webGpu(machine, fact('webgpu', all, noGpu(all))),
    { device: 'cpu', isPresent: true, isSimulated: false, memoryBytes: memoryBytes * SHARE_OF_MEMORY, features: null },
  ];
}

function webGpu({ env, backends }: NodeMachine, fact: DeviceFact): DeviceFact {
  const drivers = `${env.VK_ICD_FILENAMES ?? ''} ${env.VK_DRIVER_FILES ?? ''}`;
  if (!SOFTWARE_DRIVER.test(drivers)) return fact;
  return { ...fact, isPresent: backends.includes('webgpu'), isSimulated: true, memoryBytes: null };
}

function noGpu(gpus: readonly Gpu[]): string | undefined {
  return gpus.length === 0 ? 'no GPU was found' : undefined;
}

function largest(gpus: readonly Gpu[]): number | null {
  const sizes = gpus.map(({ vram_bytes }) => vram_bytes).filter((size) => size !== null);
  return sizes.length === 0 ? null : Math.max(...sizes);
}
