import { Problem } from '../../shared/problems/problem.ts';
import { chooseDevice, type Trial } from '../../shared/runtimes/devices/choose-device.ts';
import { measureDevices, type TrialWorker } from '../../shared/runtimes/devices/measure-devices.ts';
import { NO_OUTPUT, trialJobOf } from '../../shared/runtimes/devices/trial-job.ts';
import type { LoadRequest } from '../../shared/runtimes/worker-protocol.ts';
import { type ComputeDevice, deviceFacts } from './compute-device.ts';
import type { InstalledWebModel } from './model-cache.ts';
import { startModelThread } from './model-thread.ts';

/** Where a model runs, and why where there was a choice. */
export type ModelDevice = { device: 'webgpu' | 'wasm'; trials: readonly Trial[] };

/** At most one model is tried at a time, so that none slows another down. */
let lastTrial: Promise<unknown> = Promise.resolve();

/** Tries a model on the GPU and on the processor, each in a worker that is ended after it; without a GPU nothing is tried. */
export function deviceOf(
  installed: InstalledWebModel,
  compute: ComputeDevice,
  requestOn: (device: string) => LoadRequest,
): Promise<ModelDevice> {
  const trial = lastTrial.then(() => tryDevices(installed, compute, requestOn));
  lastTrial = trial.catch(() => undefined);
  return trial;
}

async function tryDevices(
  installed: InstalledWebModel,
  compute: ComputeDevice,
  requestOn: (device: string) => LoadRequest,
): Promise<ModelDevice> {
  if (!compute.isMeasured) return { device: compute.device, trials: [] };
  const devices = deviceFacts(compute);
  const dtypes = [{ dtype: installed.dtype, sizeBytes: installed.sizeBytes }];
  const allowSimulated = compute.isSimulated;
  const measurements = await measureDevices({
    devices,
    dtypes,
    allowSimulated,
    start: (device) => startTrial(installed, requestOn(device)),
    now: () => performance.now(),
    limit: (ms) => AbortSignal.timeout(ms),
  });
  const { choice, trials } = chooseDevice({ host: 'browser', devices, dtypes, measurements, allowSimulated });
  return { device: choice?.device === 'webgpu' ? 'webgpu' : 'wasm', trials };
}

function startTrial({ id: model, type, tasks }: InstalledWebModel, request: LoadRequest): TrialWorker {
  const nothing = (): void => undefined;
  const thread = startModelThread({ model, onFault: nothing, onWarm: nothing, onEnd: nothing }, request);
  const trial = trialJobOf({ type, name: model, tasks });
  return {
    loaded: thread.loaded,
    run: async (signal) => {
      if (trial === null) throw new TypeError('a model that is not measured');
      return trial.count(await thread.run(trial.job, NO_OUTPUT, signal));
    },
    end: () => thread.end(new Problem('cancelled', 'The trial is over.')),
  };
}
