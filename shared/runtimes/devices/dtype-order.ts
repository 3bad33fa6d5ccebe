import { type Device, type DeviceFact, HALF_PRECISION, objectionTo, PROCESSORS } from './choose-device.ts';

/** On a processor 8-bit weights are read four times as fast as fp32, and every converted model has them. */
export const PROCESSOR_DTYPES = ['q8', 'fp32', 'q4', 'fp16'] as const;
/** A GPU reads four bits in its shaders; 8-bit weights, which suit processors, have no fast way through WebGPU. */
const ANY_GPU_DTYPES = ['q4', 'fp32', 'q8'] as const;
/** What has nothing but 16 bits may still run on the processor. */
const GPU_DTYPES = [...ANY_GPU_DTYPES, 'fp16'] as const;
/** One that computes in 16 bits does so at twice the speed, in half the memory. */
const HALF_PRECISION_DTYPES = ['q4f16', 'fp16', ...ANY_GPU_DTYPES] as const;
/** The makers' own, which compute in 16 bits on whatever they run on; WebGPU says of each adapter whether it does. */
const ALWAYS_HALF_PRECISION: readonly Device[] = ['cuda', 'dml', 'coreml'];

/** In which dtypes to look for a model that will run on one of these devices, the best first. */
export function dtypesFor(devices: readonly DeviceFact[], allowSimulated = false): readonly string[] {
  const gpus = devices.filter((fact) => isUsable(fact, allowSimulated) && !PROCESSORS.includes(fact.device));
  if (gpus.length === 0) return PROCESSOR_DTYPES;
  return gpus.some(computesInHalfPrecision) ? HALF_PRECISION_DTYPES : GPU_DTYPES;
}

/**
 * In which dtypes to look again for a model that came in this one and is now to run there; null where it stays as it is.
 * Weights of 16 bits are a GPU's: where none takes them, for want of memory too, smaller ones may yet do.
 */
export function dtypesInstead(dtype: string, device: string): readonly string[] | null {
  return isProcessor(device) && HALF_PRECISION.includes(dtype) ? ANY_GPU_DTYPES : null;
}

function isUsable(fact: DeviceFact, allowSimulated: boolean): boolean {
  return objectionTo(fact, { dtype: 'q4', sizeBytes: 0 }, allowSimulated) === undefined;
}

function computesInHalfPrecision({ device, features }: DeviceFact): boolean {
  return ALWAYS_HALF_PRECISION.includes(device) || (features?.includes('shader-f16') ?? false);
}

function isProcessor(device: string): boolean {
  return PROCESSORS.some((one) => one === device);
}
