import type { GpuReport } from '../../shared/ipc/app-state.ts';

const NONE: GpuReport = {
  usable: false,
  vendor: '',
  architecture: '',
  description: '',
  isFallback: false,
  crossOriginIsolated: false,
};
const SOFTWARE_ADAPTER = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

/** What models would run on here. An adapter that is only simulated is told, and is not usable. Never rejects. */
export async function describeGpu(): Promise<GpuReport> {
  const { crossOriginIsolated } = globalThis;
  const adapter = await requestAdapter();
  if (adapter === null) return { ...NONE, crossOriginIsolated };
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const isFallback = isFallbackAdapter || SOFTWARE_ADAPTER.test(`${vendor} ${architecture} ${description}`);
  return {
    usable: !isFallback && crossOriginIsolated,
    vendor: vendor.slice(0, 200),
    architecture: architecture.slice(0, 200),
    description: description.slice(0, 400),
    isFallback,
    crossOriginIsolated,
  };
}

async function requestAdapter(): Promise<GPUAdapter | null> {
  const gpu: GPU | undefined = navigator.gpu;
  try {
    return (await gpu?.requestAdapter({ powerPreference: 'high-performance' })) ?? null;
  } catch {
    return null;
  }
}
