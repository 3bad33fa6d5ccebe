import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { weightsFile } from '../../../shared/downloads/model-plan.ts';
import {
  chooseDevice,
  type DeviceChoice,
  type DeviceFact,
  type DtypeFact,
  type Measurement,
  memoryForWeights,
  objectionTo,
} from '../../../shared/runtimes/devices/choose-device.ts';
import { dtypesFor, PROCESSOR_DTYPES } from '../../../shared/runtimes/devices/dtype-order.ts';
import { measureDevices, type TrialWorker } from '../../../shared/runtimes/devices/measure-devices.ts';
import { trialJobOf } from '../../../shared/runtimes/devices/trial-job.ts';
import type { InstalledModel } from '../models/installed-model.ts';
import { startTrial, type TrialRequest } from './start-trial.ts';

export type DeviceChooserOptions = {
  /** Asked at each choice, since an owner may take a device back. */
  devices(): readonly DeviceFact[];
  threads(sizeBytes: number): number;
  /** For tests alone. */
  allowSimulated?: boolean;
  now?: () => number;
  startTrial?: (request: TrialRequest) => TrialWorker;
};

export type DeviceChooser = {
  /** In which dtypes a model is looked for, the best first, where its owner named none. */
  dtypes(): readonly string[];
  /**
   * Where a model runs, or null where nothing speaks for anything but what is usual. `takenBytes` is what other models have
   * of a GPU's memory.
   */
  choose(installed: InstalledModel, isDtypeGiven: boolean, takenBytes: number): Promise<DeviceChoice | null>;
  /** Whether a model may stay where it is. */
  mayStay(installed: InstalledModel, device: string, takenBytes: number): boolean;
  /** A load found no such device: it counts as absent for a while. Says whether that is news. */
  noteMissing(device: string): boolean;
  /** Says, once, that a while is over, after which what was missing may be there again. */
  mayBeBack(): boolean;
};

const PROCESSOR = 'cpu';
/** A driver that is put in again, or a GPU that another program had: seldom sooner, and each look costs a job its way. */
const MISSING_FOR_MS = 600_000;
const KNOWN_DTYPES = ['q4f16', ...PROCESSOR_DTYPES];

/** Of a GPU's memory; the processor's is the system's to share out. */
export function takenOfGpu(device: string, { sizeBytes }: Pick<InstalledModel, 'sizeBytes'>): number {
  return device === PROCESSOR ? 0 : memoryForWeights(sizeBytes);
}

/**
 * Chooses for one model after another. What leaves only one way is not measured, so that a machine without a GPU waits for
 * nothing, and what was measured once is not measured again.
 */
export function createDeviceChooser(options: DeviceChooserOptions): DeviceChooser {
  const { allowSimulated = false } = options;
  const now = options.now ?? (() => performance.now());
  const measured = new Map<string, Measurement[]>();
  /** Until when each device counts as absent. */
  const missing = new Map<string, number>();
  const devicesWithout = (takenBytes: number): DeviceFact[] =>
    options.devices().map((fact) => without(missing.has(fact.device) ? gone(fact) : fact, takenBytes));
  return {
    noteMissing: (device) => {
      const isNews = device !== PROCESSOR && !missing.has(device);
      if (isNews) missing.set(device, now() + MISSING_FOR_MS);
      return isNews;
    },
    mayBeBack: () => {
      const back = [...missing].filter(([, until]) => now() >= until);
      for (const [device] of back) missing.delete(device);
      return back.length > 0;
    },
    dtypes: () => dtypesFor(options.devices(), allowSimulated),
    choose: async (installed, isDtypeGiven, takenBytes) => {
      const { id, type, tasks, revision } = installed;
      const devices = devicesWithout(takenBytes);
      const dtypes = await dtypesOf(installed, isDtypeGiven);
      const isMeasured = trialJobOf({ type, name: id, tasks }) !== null && waysOf(devices, dtypes, allowSimulated) > 1;
      const key = `${id} ${revision}`;
      const known = measured.get(key) ?? [];
      const fresh = isMeasured ? await measure(installed, unmeasured(devices, dtypes, known), dtypes, options) : [];
      measured.set(key, [...known, ...fresh]);
      // Models that are not measured stay where they have always run; those that had to leave a device say why.
      const isCompared = isMeasured || (known.length > 0 && missing.size > 0);
      const usable = isCompared ? devices : devices.filter(({ device }) => device === PROCESSOR);
      const measurements = isCompared ? [...known, ...fresh] : [];
      return chooseDevice({ host: 'node', devices: usable, dtypes, measurements, allowSimulated }).choice;
    },
    mayStay: ({ dtype, sizeBytes }, device, takenBytes) => {
      if (device === PROCESSOR) return true;
      const fact = devicesWithout(takenBytes).find((one) => one.device === device);
      return fact !== undefined && objectionTo(fact, { dtype, sizeBytes }, allowSimulated) === undefined;
    },
  };
}

function gone(fact: DeviceFact): DeviceFact {
  return { ...fact, isPresent: false, why: 'a load found none; it is looked for again later' };
}

function without(fact: DeviceFact, takenBytes: number): DeviceFact {
  const { device, memoryBytes } = fact;
  return device === PROCESSOR || memoryBytes === null ? fact : { ...fact, memoryBytes: memoryBytes - takenBytes };
}

function unmeasured(
  devices: readonly DeviceFact[],
  dtypes: readonly DtypeFact[],
  known: readonly Measurement[],
): DeviceFact[] {
  const isKnown = (device: string, dtype: string) => known.some((one) => one.device === device && one.dtype === dtype);
  return devices.filter(({ device }) => dtypes.some(({ dtype }) => !isKnown(device, dtype)));
}

function measure(
  { id: name, type, tasks, folder: location, task, sizeBytes: ownBytes }: InstalledModel,
  devices: readonly DeviceFact[],
  dtypes: readonly DtypeFact[],
  options: DeviceChooserOptions,
): Promise<Measurement[]> {
  const start = options.startTrial ?? startTrial;
  return measureDevices({
    devices,
    dtypes,
    allowSimulated: options.allowSimulated ?? false,
    now: options.now ?? (() => performance.now()),
    limit: (ms) => AbortSignal.timeout(ms),
    start: (device, dtype) => {
      const sizeBytes = dtypes.find((one) => one.dtype === dtype)?.sizeBytes ?? ownBytes;
      const load = { location, dtype, device, threads: options.threads(sizeBytes) };
      return start({ load: task === undefined ? load : { ...load, task }, type, name, tasks });
    },
  });
}

function waysOf(devices: readonly DeviceFact[], dtypes: readonly DtypeFact[], allowSimulated: boolean): number {
  return devices.flatMap((fact) => dtypes.filter((dtype) => objectionTo(fact, dtype, allowSimulated) === undefined))
    .length;
}

/** In what dtypes the weights lie here. Those that ship answer the same on every machine in the one that was chosen for them. */
async function dtypesOf(installed: InstalledModel, isDtypeGiven: boolean): Promise<DtypeFact[]> {
  const own = { dtype: installed.dtype, sizeBytes: installed.sizeBytes };
  if (isDtypeGiven || installed.shipped || installed.weightsFiles.length > 1) return [own];
  const others = KNOWN_DTYPES.filter((dtype) => dtype !== installed.dtype).map(async (dtype) => {
    const found = await stat(join(installed.folder, weightsFile(dtype))).catch(() => null);
    return found === null ? [] : [{ dtype, sizeBytes: found.size }];
  });
  return [own, ...(await Promise.all(others)).flat()];
}
