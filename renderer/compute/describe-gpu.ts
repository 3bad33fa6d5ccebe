import type { ComputeHello } from '../../shared/ipc/compute-contract.ts';
import { describeAdapter, findAdapter, isSoftwareAdapter } from '../../shared/runtimes/devices/adapter.ts';

const NONE: ComputeHello = {
  usable: false,
  vendor: '',
  architecture: '',
  description: '',
  isFallback: false,
  halfPrecision: false,
  crossOriginIsolated: false,
  webgpu: null,
};

/** What models would run on here. An adapter that is only simulated is told, and is not usable. Never rejects. */
export async function describeGpu(): Promise<ComputeHello> {
  const { crossOriginIsolated } = globalThis;
  const adapter = await findAdapter();
  if (adapter === null) return { ...NONE, crossOriginIsolated };
  const { vendor, architecture, description } = adapter.info;
  const isFallback = isSoftwareAdapter(adapter.info);
  return {
    usable: !isFallback && crossOriginIsolated,
    vendor: vendor.slice(0, 200),
    architecture: architecture.slice(0, 200),
    description: description.slice(0, 400),
    isFallback,
    webgpu: describeAdapter(adapter),
    halfPrecision: adapter.features.has('shader-f16'),
    crossOriginIsolated,
  };
}
