import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import { kernelsOn } from '../../../shared/runtimes/kernels/served-kernels.ts';
import type { Runtime } from '../../../shared/runtimes/runtime.ts';
import type { DutyShare } from './duty-share.ts';
import { createModelWorker } from './model-worker.ts';
import type { RuntimeLog } from './worker-runtime.ts';

/** The slices of a kernel take some milliseconds. */
const CANCEL_GRACE_MS = 2_000;

/** `releaseKernels` ends their process unless a job needs it. */
export type RuntimeWithKernels = Runtime & { releaseKernels(): Promise<void> };

/**
 * A runtime that has the kernels of scientific computing beside its models, in a process of their own that starts with
 * the first job. Node has no WebGPU of its own, so that they run on the processor here.
 */
export function withKernels(runtime: Runtime, log: RuntimeLog, duty?: DutyShare): RuntimeWithKernels {
  const { served, execution, load } = kernelsOn('cpu');
  const listeners: (() => void)[] = [];
  let state: ServedModel['state'] = 'installed';
  const worker = createModelWorker({
    model: served.name,
    prepare: async () => load,
    onState: (next) => {
      state = next;
      for (const listener of listeners) listener();
    },
    onFault: log.fault,
    cancelGraceMs: CANCEL_GRACE_MS,
    ...(duty === undefined ? {} : { duty }),
  });
  return {
    ...runtime,
    models: () => [...runtime.models(), { ...served, state }],
    onChange: (listener) => {
      listeners.push(listener);
      runtime.onChange(listener);
    },
    run: async (job, output, signal) => {
      if (job.type !== 'compute' || job.model !== served.name) return runtime.run(job, output, signal);
      return { ...(await worker.run(job, output, signal)), execution };
    },
    releaseKernels: worker.release,
    close: async () => {
      await Promise.all([worker.close(), runtime.close()]);
    },
  };
}
