/**
 * A GPU as the kernels use it.
 *
 * 1. Buffers belong to one job and are destroyed with it, however it ends.
 * 2. A device that is lost ends whatever waits for it, with `device_lost`; nothing is asked of it after.
 * 3. No dispatch is meant to take longer than `SLICE_MS`, so that a cancel is heard between two of them and no driver
 *    takes the device for stuck.
 */
import { Problem } from '../../problems/problem.ts';
import { lostProblem } from '../devices/device-problem.ts';
import type { Pace } from '../duty.ts';
import { Stopped } from './turns.ts';

export type Gpu = {
  begin(interrupted: () => boolean): GpuJob;
  destroy(): void;
};

/** `buffers` are bound from 0, `params` as a uniform behind them. */
type Dispatch = { code: string; entry: string; buffers: readonly GPUBuffer[]; params: ArrayBuffer };

export type GpuJob = {
  /** Storage with these numbers in it, or of that many bytes. Errors: `node_out_of_memory`. */
  buffer(content: Float32Array | Uint32Array | number): Promise<GPUBuffer>;
  /**
   * Runs a kernel over `total` workgroups in slices, each told in `params` where it begins. `stepsEach` is the work of
   * one workgroup.
   */
  run(kernel: Omit<Dispatch, 'params'>, work: Slices): Promise<void>;
  write(buffer: GPUBuffer, content: Float32Array<ArrayBuffer>): void;
  read(buffer: GPUBuffer, sizeBytes: number): Promise<ArrayBuffer>;
  end(): void;
};

export type Slices = {
  total: number;
  /** Workgroups across, for kernels with two dimensions. */
  across?: number;
  stepsEach: number;
  params(start: number, count: number): ArrayBuffer;
  /** After each slice. */
  after?(start: number, count: number): Promise<void>;
};

/** Of the standard; the objects that hold them are not there in every room. */
const USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 } as const;
const MAP_FOR_READING = 0x1;
const SLICE_MS = 30;
/** Some milliseconds also of a GPU that is simulated. */
const FIRST_STEPS = 2 ** 22;
/** Small dispatches on their way at once; a cancel waits for them. */
const MOST_SUBMITS = 128;
const PARAMS_BYTES = 64;
/** Of every device by the standard. */
const MOST_WORKGROUPS = 65_535;

/** `onLost` of the device and its errors are this module's from then on. */
export function createGpu(device: GPUDevice, now: () => number, pace?: Pace): Gpu {
  const pipelines = new Map<string, GPUComputePipeline>();
  let loss: Problem | undefined;
  /** What waits for the device now. A handler for each on `device.lost` would stay for as long as the device does. */
  const waiting = new Set<(problem: Problem) => void>();
  void device.lost.then(({ reason, message }) => {
    loss = lostProblem(`${reason} ${message}`);
    for (const end of waiting) end(loss);
  });
  let fault: GPUError | undefined;
  device.addEventListener('uncapturederror', (event) => {
    fault ??= (event as GPUUncapturedErrorEvent).error;
  });
  const orLost = async <Value>(promise: Promise<Value>): Promise<Value> => {
    const lost = Promise.withResolvers<never>();
    waiting.add(lost.reject);
    const value = await Promise.race([promise, lost.promise])
      .catch((error: unknown) => {
        throw loss ?? error;
      })
      .finally(() => waiting.delete(lost.reject));
    if (loss !== undefined) throw loss;
    if (fault !== undefined) throw new Error(`the GPU refuses: ${fault.message}`);
    return value;
  };
  const pipelineOf = (code: string, entryPoint: string): GPUComputePipeline => {
    const key = `${entryPoint} ${code}`;
    const made =
      pipelines.get(key) ??
      device.createComputePipeline({
        layout: 'auto',
        compute: { module: device.createShaderModule({ code }), entryPoint },
      });
    pipelines.set(key, made);
    return made;
  };

  function begin(interrupted: () => boolean): GpuJob {
    const owned: GPUBuffer[] = [];
    let uniform: GPUBuffer | undefined;
    let waiting = { steps: 0, submits: 0 };
    const check = (): void => {
      if (interrupted()) throw new Stopped();
    };
    const make = async (size: number, usage: number): Promise<GPUBuffer> => {
      device.pushErrorScope('out-of-memory');
      const made = device.createBuffer({ size: Math.max(16, Math.ceil(size / 4) * 4), usage });
      owned.push(made);
      const error = await orLost(device.popErrorScope());
      if (error === null) return made;
      throw new Problem('node_out_of_memory', 'The GPU of the node has too little memory for this job. Ask for less.');
    };
    const submit = ({ code, entry, buffers, params }: Dispatch, uniform: GPUBuffer, x: number, y: number): void => {
      device.queue.writeBuffer(uniform, 0, params);
      const pipeline = pipelineOf(code, entry);
      const layout = pipeline.getBindGroupLayout(0);
      const entries = [...buffers, uniform].map((buffer, binding) => ({ binding, resource: { buffer } }));
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
      pass.dispatchWorkgroups(x, y);
      pass.end();
      device.queue.submit([encoder.finish()]);
    };

    /** Waits for what was submitted, unless it is so little that waiting would take longer; answers whether it was. */
    const settle = async (steps: number, mayGoOn: boolean): Promise<boolean> => {
      waiting = { steps: waiting.steps + steps, submits: waiting.submits + 1 };
      if (mayGoOn && waiting.steps < FIRST_STEPS && waiting.submits < MOST_SUBMITS) return true;
      waiting = { steps: 0, submits: 0 };
      await orLost(device.queue.onSubmittedWorkDone());
      return false;
    };

    return {
      buffer: async (content) => {
        const size = typeof content === 'number' ? content : content.byteLength;
        const made = await make(size, USAGE.storage | USAGE.copyTarget | USAGE.copySource);
        if (typeof content !== 'number') device.queue.writeBuffer(made, 0, content as Float32Array<ArrayBuffer>);
        return made;
      },
      write: (buffer, content) => device.queue.writeBuffer(buffer, 0, content),
      run: async (kernel, { total, across = 1, stepsEach, params, after }) => {
        uniform ??= await make(PARAMS_BYTES, USAGE.uniform | USAGE.copyTarget);
        let count = Math.max(1, Math.floor(FIRST_STEPS / (stepsEach * across)));
        for (let start = 0; start < total; ) {
          check();
          const here = Math.min(count, total - start, MOST_WORKGROUPS);
          const startedAt = now();
          const [x, y] = across === 1 ? [here, 1] : [across, here];
          submit({ ...kernel, params: params(start, here) }, uniform, x, y);
          start += here;
          const isSmall = await settle(here * across * stepsEach, after === undefined);
          await after?.(start - here, here);
          if (!isSmall) count = Math.max(1, Math.floor(here * Math.min(4, SLICE_MS / Math.max(1, now() - startedAt))));
          if (!isSmall) await pace?.restAfter(startedAt);
        }
      },
      read: async (buffer, sizeBytes) => {
        const target = await make(sizeBytes, USAGE.mapRead | USAGE.copyTarget);
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(buffer, 0, target, 0, Math.ceil(sizeBytes / 4) * 4);
        device.queue.submit([encoder.finish()]);
        await orLost(target.mapAsync(MAP_FOR_READING));
        const copy = target.getMappedRange().slice(0, sizeBytes);
        target.destroy();
        return copy;
      },
      end: () => {
        for (const buffer of owned) buffer.destroy();
      },
    };
  }

  return { begin, destroy: () => device.destroy() };
}
