import type { ServedModel } from '../../protocol/capabilities.ts';
import type { Execution } from '../../protocol/messages.ts';
import type { LoadRequest } from '../worker-protocol.ts';
import { KERNEL_SERVICES } from './kernel-inputs.ts';

/** Moves whenever a kernel computes otherwise; goes into receipts. */
const REVISION = '1';

/** What a device computes the kernels with; a service prefers a GPU by this name. */
export const KERNEL_MODELS = { webgpu: 'kernels/webgpu', cpu: 'kernels/cpu' } as const;

/** The kernels as a node serves them, and how a worker is told to hold them. */
export type ServedKernels = { served: Omit<ServedModel, 'state'>; execution: Execution; load: LoadRequest };

/** The kernels of a device. What is computed on a processor says so. */
export function kernelsOn(device: 'webgpu' | 'cpu'): ServedKernels {
  return {
    served: {
      name: KERNEL_MODELS[device],
      type: 'compute',
      revision: REVISION,
      dtype: 'fp32',
      device,
      size_bytes: 0,
      context_length: 0,
      tasks: Object.keys(KERNEL_SERVICES),
    },
    execution: { runtime: 'sparewatt kernels', device, dtype: 'fp32', revision: REVISION, digest: null },
    load: { location: '', dtype: 'fp32', device, threads: 1, holds: 'kernels' },
  };
}
