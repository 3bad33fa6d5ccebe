/**
 * The kernels as what a worker holds in the place of a model.
 *
 * 1. Jobs take turns on one device, between two slices of their work; each owns its buffers.
 * 2. A job that ends because its GPU went away says so, and everything after it does too: the worker's host starts
 *    another.
 */
import { Problem } from '../../problems/problem.ts';
import type { JsonInput } from '../../protocol/messages.ts';
import { requestRealDevice } from '../devices/request-device.ts';
import type { Pace } from '../duty.ts';
import { memoryProblem } from '../memory-problem.ts';
import type { LoadedModel } from '../transformers/engine.ts';
import { fourier } from './fourier.ts';
import { createGpu, type Gpu } from './gpu.ts';
import { kMeans } from './k-means.ts';
import type { Kernel } from './kernel.ts';
import type { KernelService } from './kernel-inputs.ts';
import { linearSystem } from './linear-system.ts';
import { matrixProduct } from './matrix-product.ts';
import { monteCarlo } from './monte-carlo.ts';
import { nBody } from './n-body.ts';
import { isKernelService, readKernelInput } from './read-kernel-input.ts';
import { createTurns, Stopped, type Turns } from './turns.ts';

const KERNELS: Readonly<Record<KernelService, Kernel>> = {
  'science/matrix-product': matrixProduct,
  'science/n-body': nBody,
  'science/fourier-transform': fourier,
  'science/monte-carlo': monteCarlo,
  'science/k-means': kMeans,
  'science/solve-linear-system': linearSystem,
};

const NO_TOKENS = { inputTokens: 0, outputTokens: 0 };

export type KernelOptions = { device: 'webgpu' | 'cpu'; allowSoftware?: boolean; now?: () => number; pace?: Pace };

/** Errors: `device_missing` where `webgpu` is asked for and there is no real GPU. */
export async function openKernels(options: KernelOptions): Promise<LoadedModel> {
  const { device, allowSoftware = false, now = () => performance.now(), pace } = options;
  const gpu = device === 'webgpu' ? createGpu(await requestRealDevice(allowSoftware), now, pace) : undefined;
  return {
    dispose: async () => gpu?.destroy(),
    async run(job, _output, interrupted) {
      const service = job.type === 'compute' ? job.service : undefined;
      if (job.type !== 'compute' || !isKernelService(service)) throw unknownTo(service);
      const input = readKernelInput(service, job.input);
      try {
        const turns = createTurns(interrupted, now, pace);
        const output = await runKernel(KERNELS[service], input, gpu, interrupted, turns);
        return { finishReason: 'stop', usage: NO_TOKENS, output };
      } catch (error) {
        if (error instanceof Stopped) return { finishReason: 'stop', usage: NO_TOKENS };
        throw memoryProblem(error) ?? error;
      }
    },
  };
}

async function runKernel(
  kernel: Kernel,
  input: JsonInput,
  gpu: Gpu | undefined,
  interrupted: () => boolean,
  turns: Turns,
): Promise<JsonInput> {
  if (gpu === undefined || kernel.onGpu === undefined) return kernel.onCpu(input, turns);
  const job = gpu.begin(interrupted);
  try {
    return await kernel.onGpu(input, job);
  } finally {
    job.end();
  }
}

function unknownTo(service: string | undefined): Problem {
  const sentence = `This node computes nothing by the name of ${service ?? 'a job without a service'}. Ask for a service of GET /v1/registry/services.`;
  return new Problem('service_not_runnable', sentence);
}
