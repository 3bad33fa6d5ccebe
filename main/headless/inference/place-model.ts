import type { Trial } from '../../../shared/runtimes/devices/choose-device.ts';
import { dtypesInstead } from '../../../shared/runtimes/devices/dtype-order.ts';
import type { InstalledModel } from '../models/installed-model.ts';
import type { ModelRequest, ModelStore } from '../models/model-store.ts';
import { type DeviceChooser, takenOfGpu } from './choose-model-device.ts';
import type { ModelWorker } from './model-worker.ts';

/** A model's files, and the device that they are for. */
export type Placed = { installed: InstalledModel; device: ServedDevice };
export type ServedDevice = { name: string; trials: readonly Trial[] };

/** A model that is served, with what holds it. */
export type ServedPlace = Placed & {
  request: ModelRequest;
  worker: ModelWorker;
  /** Resolves when it is known where it runs. */
  placing: Promise<void>;
};

export type PlaceOptions = {
  store: ModelStore;
  chooseDevice?: DeviceChooser;
  signal?: AbortSignal;
  log: { info(message: string): void };
};

/** Where models run when nothing speaks for another device. */
export const USUAL_DEVICE = 'cpu';

/** The files of a model in the dtype, and for the device, that are chosen for it. Errors: those of the store. */
export async function placeModel(
  request: ModelRequest,
  installed: InstalledModel,
  takenBytes: number,
  options: PlaceOptions,
): Promise<Placed> {
  const { chooseDevice, signal, log, store } = options;
  const wanted = typeof request === 'string' ? { id: request } : request;
  const choice = (await chooseDevice?.choose(installed, wanted.dtype !== undefined, takenBytes)) ?? null;
  if (choice === null) return { installed, device: { name: USUAL_DEVICE, trials: [] } };
  const { device: name, dtype, trials } = choice;
  const instead = wanted.dtype === undefined && !installed.shipped ? dtypesInstead(dtype, name) : null;
  const other = instead === null ? null : await installOther({ ...wanted, dtypes: instead }, dtype, options);
  if (other !== null) return await placeModel(request, other, takenBytes, options);
  const reason = trials.find(({ verdict }) => verdict === 'chosen')?.reason ?? '';
  if (trials.length > 1) log.info(`'${installed.id}' runs on ${name} in ${dtype}: ${reason}.`);
  if (dtype === installed.dtype) return { installed, device: { name, trials } };
  await store.release(installed);
  return { installed: await store.install({ ...wanted, dtype }, signal), device: { name, trials } };
}

/** The model in another dtype, or null where there is none to be had: it runs in the one that came, if more slowly. */
async function installOther(
  wanted: Exclude<ModelRequest, string>,
  dtype: string,
  { store, signal, log }: PlaceOptions,
): Promise<InstalledModel | null> {
  try {
    return await store.install(wanted, signal);
  } catch (error) {
    signal?.throwIfAborted();
    log.info(`'${wanted.id}' stays in ${dtype}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** The request, with the dtypes that suit the devices which are there. */
export function suiting(request: ModelRequest, chooser: DeviceChooser | undefined): ModelRequest {
  const wanted = typeof request === 'string' ? { id: request } : request;
  return chooser === undefined || wanted.dtypes !== undefined ? request : { ...wanted, dtypes: chooser.dtypes() };
}

/** What models have of a GPU's memory: each stays in it once it has been asked for. In bytes. */
export function takenBy(entries: readonly Placed[]): number {
  return entries.reduce((sum, { installed, device }) => sum + takenOfGpu(device.name, installed), 0);
}
