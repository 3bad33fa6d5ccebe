import type { WebGpu } from '../../shared/protocol/capabilities.ts';
import { describeAdapter, findAdapter, isSoftwareAdapter } from '../../shared/runtimes/devices/adapter.ts';
import { type Device, type DeviceFact, WEBASSEMBLY_BYTES } from '../../shared/runtimes/devices/choose-device.ts';

/** What a browser computes with, and what it can say of it. */
export type ComputeDevice = {
  device: 'webgpu' | 'wasm';
  /** Threads of a large model on the CPU; 1 where threads may share no memory. */
  threads: number;
  /** The adapter that computes; null on the CPU. */
  webgpu: WebGpu | null;
  /** Whether it is only simulated, which it may be for tests alone. */
  isSimulated: boolean;
  /** Whether each model is tried on the GPU and on the processor before it is served. */
  isMeasured: boolean;
};

export type DeviceWishes = {
  /** A GPU that is only simulated on the CPU counts too: right, and far too slow for anybody's work. For tests. */
  allowSoftware?: boolean;
  /** Try models on a simulated GPU too. For tests. */
  measure?: boolean;
  /** Do not look for a GPU. */
  only?: 'wasm';
};

/** Of what the machine has; the rest is its owner's. */
const SHARE_OF_MEMORY = 0.75;
/** Beyond this the threads of a small model wait for each other more than they compute. */
const MOST_THREADS = 8;

/** The browser's real GPU, else its CPU. Never rejects: a GPU that cannot be had is none. */
export async function chooseDevice(wishes: DeviceWishes = {}): Promise<ComputeDevice> {
  const adapter = wishes.only === 'wasm' ? null : await findAdapter();
  const threads = sharesMemory() ? Math.max(1, Math.min(navigator.hardwareConcurrency - 1, MOST_THREADS)) : 1;
  const isSimulated = adapter !== null && isSoftwareAdapter(adapter.info);
  if (adapter === null || (isSimulated && wishes.allowSoftware !== true)) {
    return { device: 'wasm', threads, webgpu: null, isSimulated: false, isMeasured: false };
  }
  const isMeasured = !isSimulated || wishes.measure === true;
  return { device: 'webgpu', threads, webgpu: describeAdapter(adapter), isSimulated, isMeasured };
}

/** What a model may run on here, in the order of preference. A GPU that does not compute is none, whatever it can. */
export function deviceFacts({ webgpu, isSimulated }: Pick<ComputeDevice, 'webgpu' | 'isSimulated'>): DeviceFact[] {
  const memoryBytes = modelMemoryBytes();
  const fact = (device: Device, more: Partial<DeviceFact>): DeviceFact => ({
    device,
    isPresent: true,
    isSimulated: false,
    memoryBytes,
    features: null,
    ...more,
  });
  return [
    fact('webgpu', { isPresent: webgpu !== null, isSimulated, features: webgpu?.features ?? [] }),
    fact('wasm', {}),
  ];
}

/** What a model may take, in bytes. Browsers tell the memory of the machine coarsely or not at all, and of a GPU nothing. */
function modelMemoryBytes(): number {
  const { deviceMemory } = navigator as Navigator & { deviceMemory?: number };
  return Math.min(WEBASSEMBLY_BYTES, (deviceMemory ?? Number.POSITIVE_INFINITY) * 2 ** 30 * SHARE_OF_MEMORY);
}

function sharesMemory(): boolean {
  return globalThis.crossOriginIsolated === true;
}
