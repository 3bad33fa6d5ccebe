import { createRequire } from 'node:module';
import { platform } from 'node:os';
import type { Hardware } from '../../../shared/agent/capability-document.ts';
import { DEVICES, type DeviceFact } from '../../../shared/runtimes/devices/choose-device.ts';
import { nodeDevices } from './node-devices.ts';

/** What models could run on here. ONNX Runtime is only asked where there is something for it to run on. */
export async function findDevices({ gpus = null, memory_bytes: memoryBytes }: Hardware): Promise<DeviceFact[]> {
  const machine = { platform: platform(), env: process.env, gpus, memoryBytes };
  const all = nodeDevices({ ...machine, backends: DEVICES });
  if (all.every(({ device, isPresent }) => device === 'cpu' || !isPresent)) return all;
  return nodeDevices({ ...machine, backends: findBackends() });
}

/** The library brings its own ONNX Runtime. */
function findBackends(): string[] {
  try {
    const library = createRequire(import.meta.url).resolve('@huggingface/transformers');
    const { listSupportedBackends } = createRequire(library)('onnxruntime-node') as typeof import('onnxruntime-node');
    return listSupportedBackends().map(({ name }) => name);
  } catch {
    return ['cpu'];
  }
}
