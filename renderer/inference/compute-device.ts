import type { WebGpu } from '../../shared/protocol/capabilities.ts';

/** What a browser computes with, and what it can say of it. */
export type ComputeDevice = {
  device: 'webgpu' | 'wasm';
  /** Threads of a large model on the CPU; 1 where threads may share no memory. */
  threads: number;
  /** The adapter that computes; null on the CPU. */
  webgpu: WebGpu | null;
};

export type DeviceWishes = {
  /** A GPU that is only simulated on the CPU counts too: right, and far too slow for anybody's work. For tests. */
  allowSoftware?: boolean;
  /** Do not look for a GPU. */
  only?: 'wasm';
};

/** Beyond this the threads of a small model wait for each other more than they compute. */
const MOST_THREADS = 8;
const SOFTWARE_ADAPTER = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

/** The browser's real GPU, else its CPU. Never rejects: a GPU that cannot be had is none. */
export async function chooseDevice(wishes: DeviceWishes = {}): Promise<ComputeDevice> {
  const adapter = wishes.only === 'wasm' ? null : await requestAdapter();
  const threads = sharesMemory() ? Math.max(1, Math.min(navigator.hardwareConcurrency - 1, MOST_THREADS)) : 1;
  if (adapter === null || (isSoftware(adapter) && wishes.allowSoftware !== true)) {
    return { device: 'wasm', threads, webgpu: null };
  }
  return { device: 'webgpu', threads, webgpu: describeAdapter(adapter) };
}

async function requestAdapter(): Promise<GPUAdapter | null> {
  // Absent in older browsers, and on pages that came over plain HTTP from another machine.
  const gpu: GPU | undefined = navigator.gpu;
  try {
    return (await gpu?.requestAdapter({ powerPreference: 'high-performance' })) ?? null;
  } catch {
    return null;
  }
}

function sharesMemory(): boolean {
  return globalThis.crossOriginIsolated === true;
}

function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter || SOFTWARE_ADAPTER.test(nameOf(info));
}

function describeAdapter({ info, limits, features }: GPUAdapter): WebGpu {
  const numbers: Record<string, number> = {};
  // They are getters of the prototype, which only this loop visits.
  for (const name in limits) {
    const value: unknown = limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number' && Number.isFinite(value)) numbers[name] = value;
  }
  return { adapter: nameOf(info).slice(0, 256), limits: numbers, features: [...features].sort().slice(0, 100) };
}

/** Browsers tell as little as they like: `nvidia ampere`, or nothing but the vendor. */
function nameOf(info: GPUAdapterInfo): string {
  const parts = [info.vendor, info.architecture, info.device, info.description].filter((part) => part !== '');
  return parts.length === 0 ? 'unnamed adapter' : parts.join(' ');
}
