import { findAdapter, isSoftwareAdapter, nameOfAdapter } from './adapter.ts';
import { noDevice } from './device-problem.ts';

/**
 * Checks that there is a real GPU now: after a crash of its driver a browser may go on with a simulated one, and say
 * nothing. Errors: `device_missing`.
 */
export async function assertRealAdapter(allowSoftware = false): Promise<GPUAdapter> {
  const adapter = await findAdapter();
  if (adapter === null) throw noDevice('WebGPU offers none');
  if (isSoftwareAdapter(adapter.info) && !allowSoftware) {
    throw noDevice(`${nameOfAdapter(adapter.info)} is simulated on the processor`);
  }
  return adapter;
}

/** A device of the real GPU, for whoever asks. Errors: `device_missing`. */
export async function requestRealDevice(allowSoftware = false): Promise<GPUDevice> {
  const adapter = await assertRealAdapter(allowSoftware);
  try {
    return await adapter.requestDevice();
  } catch (error) {
    throw noDevice(error instanceof Error ? error.message : String(error));
  }
}
