import type { WebGpu } from '../../protocol/capabilities.ts';

/** A WebGPU that is simulated on the processor: right, and far too slow for anybody's work. */
const SOFTWARE_ADAPTER = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;

/** The adapter that a browser would compute on; null where it has none or does not say. Never rejects. */
export async function findAdapter(): Promise<GPUAdapter | null> {
  // Absent in older browsers, in Node, and on pages that came over plain HTTP from another machine.
  const gpu: GPU | undefined = navigator.gpu;
  try {
    return (await gpu?.requestAdapter({ powerPreference: 'high-performance' })) ?? null;
  } catch {
    return null;
  }
}

/** Browsers tell as little as they like: `nvidia ampere`, or nothing but the vendor. */
export function nameOfAdapter(
  info: Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description'>,
): string {
  const parts = [info.vendor, info.architecture, info.device, info.description].filter((part) => part !== '');
  return parts.length === 0 ? 'unnamed adapter' : parts.join(' ').slice(0, 256);
}

/** Whether the adapter is only simulated, by its own word or by its name. */
export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter || SOFTWARE_ADAPTER.test(nameOfAdapter(info));
}

/** Browsers have about 35 limits and 20 features. */
const MOST_FACTS = 100;

/** What the node tells of it. */
export function describeAdapter({ info, limits, features }: GPUAdapter): WebGpu {
  const numbers: [string, number][] = [];
  // They are getters of the prototype, which only this loop visits.
  for (const name in limits) {
    const value: unknown = limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number' && Number.isFinite(value)) numbers.push([name, value]);
  }
  return {
    adapter: nameOfAdapter(info),
    limits: Object.fromEntries(numbers.slice(0, MOST_FACTS)),
    features: [...features].sort().slice(0, MOST_FACTS),
  };
}
