import { createRequire } from 'node:module';
import { platform } from 'node:os';
import type { Hardware } from '../../../shared/agent/capability-document.ts';
import type { DeviceFact } from '../../../shared/runtimes/devices/choose-device.ts';
import { nodeDevices } from './node-devices.ts';

/** What models could run on here. A provider that cannot even be asked is not there. */
export async function findDevices({ gpus = null, memory_bytes: memoryBytes }: Hardware): Promise<DeviceFact[]> {
  return nodeDevices({ platform: platform(), env: process.env, backends: await findBackends(), gpus, memoryBytes });
}

/** The library brings its own ONNX Runtime. */
async function findBackends(): Promise<string[]> {
  try {
    const library = createRequire(import.meta.url).resolve('@huggingface/transformers');
    const { listSupportedBackends } = createRequire(library)('onnxruntime-node') as typeof import('onnxruntime-node');
    return listSupportedBackends().map(({ name }) => name);
  } catch {
    return ['cpu'];
  }
}
