import { createRequire } from 'node:module';
import { platform } from 'node:os';
import type { Preferences } from '../../../shared/preferences/preferences.ts';
import type { Hardware } from '../../../shared/protocol/capabilities.ts';
import { DEVICES, type DeviceFact } from '../../../shared/runtimes/devices/choose-device.ts';
import { nodeDevices } from './node-devices.ts';

/** What the owner lets GPUs do. */
type Allowed = Pick<Preferences, 'gpus'> | undefined;

/** What models could run on here, as the owner allows at each moment. */
export type DeviceFinder = (allowed?: Allowed) => DeviceFact[];

/** Finds devices on this machine. ONNX Runtime is asked once, and only where there is something for it to run on. */
export function createDeviceFinder({ gpus = null, memory_bytes: memoryBytes }: Hardware): DeviceFinder {
  const machine = { platform: platform(), env: process.env, gpus, memoryBytes };
  let backends: readonly string[] | undefined;
  return (preferences) => {
    const all = nodeDevices({ ...machine, preferences, backends: DEVICES });
    if (all.every(({ device, isPresent }) => device === 'cpu' || !isPresent)) return all;
    backends ??= findBackends();
    return nodeDevices({ ...machine, preferences, backends });
  };
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
