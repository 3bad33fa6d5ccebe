import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  chooseDevice,
  type DeviceChoice,
  type DeviceFact,
  type DtypeFact,
  objectionTo,
} from '../../../shared/runtimes/devices/choose-device.ts';
import { measureDevices, type TrialWorker } from '../../../shared/runtimes/devices/measure-devices.ts';
import { trialJobOf } from '../../../shared/runtimes/devices/trial-job.ts';
import type { InstalledModel } from '../models/installed-model.ts';
import { HUB_DTYPES, weightsFile } from '../models/model-plan.ts';
import { startTrial, type TrialRequest } from './start-trial.ts';

export type DeviceChooserOptions = {
  devices: readonly DeviceFact[];
  threads(sizeBytes: number): number;
  /** For tests alone. */
  allowSimulated?: boolean;
  now?: () => number;
  startTrial?: (request: TrialRequest) => TrialWorker;
};

/** Where a model runs, or null where nothing speaks for anything but what is usual. */
export type DeviceChooser = (installed: InstalledModel, isDtypeGiven: boolean) => Promise<DeviceChoice | null>;

/** Chooses for one model after another. What leaves only one way is not measured, so that a machine without a GPU waits for nothing. */
export function createDeviceChooser(options: DeviceChooserOptions): DeviceChooser {
  const { devices, allowSimulated = false, now = () => performance.now() } = options;
  const start = options.startTrial ?? startTrial;
  return async (installed, isDtypeGiven) => {
    const { id: model, type, folder: location, task } = installed;
    const dtypes = await dtypesOf(installed, isDtypeGiven);
    const isMeasured = trialJobOf(type, model) !== null && waysOf(devices, dtypes, allowSimulated) > 1;
    const measurements = isMeasured
      ? await measureDevices({
          devices,
          dtypes,
          allowSimulated,
          now,
          limit: (ms) => AbortSignal.timeout(ms),
          start: (device, dtype) => {
            const sizeBytes = dtypes.find((one) => one.dtype === dtype)?.sizeBytes ?? installed.sizeBytes;
            const load = { location, dtype, device, threads: options.threads(sizeBytes) };
            return start({ load: task === undefined ? load : { ...load, task }, type, model });
          },
        })
      : [];
    // Models that are not measured stay where they have always run.
    const usable = isMeasured ? devices : devices.filter(({ device }) => device === 'cpu');
    return chooseDevice({ host: 'node', devices: usable, dtypes, measurements, allowSimulated }).choice;
  };
}

function waysOf(devices: readonly DeviceFact[], dtypes: readonly DtypeFact[], allowSimulated: boolean): number {
  return devices.flatMap((fact) => dtypes.filter((dtype) => objectionTo(fact, dtype, allowSimulated) === undefined))
    .length;
}

/** In what dtypes the weights lie here. Those that ship answer the same on every machine in the one that was chosen for them. */
async function dtypesOf(installed: InstalledModel, isDtypeGiven: boolean): Promise<DtypeFact[]> {
  const own = { dtype: installed.dtype, sizeBytes: installed.sizeBytes };
  if (isDtypeGiven || installed.shipped || installed.weightsFiles.length > 1) return [own];
  const others = HUB_DTYPES.filter((dtype) => dtype !== installed.dtype).map(async (dtype) => {
    const found = await stat(join(installed.folder, weightsFile(dtype))).catch(() => null);
    return found === null ? [] : [{ dtype, sizeBytes: found.size }];
  });
  return [own, ...(await Promise.all(others)).flat()];
}
